#include "eval/perplexity.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "eval/score_book.h"
#include "fptq/error.h"

namespace fptq {
namespace {

// Rows whose logits exist at the same time: enough for the matrix product to run at speed, and 25 MB a model
// at a vocabulary of 49,152.
constexpr int64_t kRows = 128;

// One model running window after window, and the time that took.
class Runner {
 public:
  Runner(Model& model, KvType kv) : model_(model), cache_(model.make_cache(kv)) {}

  void run_window(std::span<const int32_t> ids) {
    const auto start = Clock::now();
    cache_.truncate(0);
    const SequenceInput input{.ids = ids, .cache = &cache_};
    model_.forward({&input, 1});
    time_ += Clock::now() - start;
  }

  // Logits of the window's positions [begin, begin + rows), valid until the next call.
  const float* logits(int64_t begin, int64_t rows) {
    const auto start = Clock::now();
    logits_.ensure(static_cast<size_t>(rows * model_.config().vocab_size));
    model_.logits(model_.hidden() + begin * model_.config().hidden_size, rows, logits_.data());
    time_ += Clock::now() - start;
    return logits_.data();
  }

  double seconds() const { return std::chrono::duration<double>(time_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Model& model_;
  KvCache cache_;
  AlignedBuffer<float> logits_;
  Clock::duration time_{};
};

void require_same_vocabulary(const Model& model, const Model& reference) {
  const int64_t found = model.config().vocab_size;
  const int64_t expected = reference.config().vocab_size;
  if (found == expected) return;
  throw Error(ErrorKind::kUsage, "reference",
              fmt::format("the models have different vocabularies: {} and {} tokens", found, expected),
              "compare a model with the one it was made from");
}

}  // namespace

int64_t window_length(int64_t requested, int64_t fallback, int64_t max_position) {
  if (requested == 0) return std::min(fallback, max_position);
  if (requested >= 2 && requested <= max_position) return requested;
  throw Error(
      ErrorKind::kUsage, "ctx",
      fmt::format("expected 2 to {}, which the model was made for, found {}", max_position, requested));
}

EvalResult evaluate_model(Model& model, Model* reference, std::span<const int32_t> ids,
                          const EvalHarness& harness, Progress& progress) {
  if (ids.size() < 2) {
    throw Error(ErrorKind::kBadModel, "text",
                fmt::format("expected at least 2 tokens to evaluate on, found {}", ids.size()));
  }
  if (reference != nullptr) require_same_vocabulary(model, *reference);

  EvalResult result;
  result.ctx = std::min(harness.ctx, std::ssize(ids));
  const int64_t windows = std::ssize(ids) / result.ctx;
  result.tokens = windows * result.ctx;

  ScoreBook book(model.backend().pool(), model.config().vocab_size);
  Runner runner(model, harness.kv);
  std::optional<Runner> reference_runner;
  if (reference != nullptr) reference_runner.emplace(*reference, harness.reference_kv);

  const auto start = std::chrono::steady_clock::now();
  progress.begin("evaluate", result.tokens);
  for (int64_t w = 0; w < windows; ++w) {
    const std::string name = fmt::format("window {} of {}", w + 1, windows);
    progress.update(w * result.ctx, name);
    const auto window = ids.subspan(static_cast<size_t>(w * result.ctx), static_cast<size_t>(result.ctx));
    runner.run_window(window);
    if (reference_runner) reference_runner->run_window(window);
    // What each position predicts; the window's last position predicts nothing that is in it.
    std::vector<int32_t> next(window.begin() + 1, window.end());
    next.push_back(-1);
    for (int64_t begin = 0; begin < result.ctx; begin += kRows) {
      progress.update(w * result.ctx + begin, name);
      const int64_t rows = std::min(kRows, result.ctx - begin);
      const float* logits = runner.logits(begin, rows);
      const float* reference_logits = reference_runner ? reference_runner->logits(begin, rows) : nullptr;
      book.add(logits, reference_logits,
               std::span<const int32_t>(next).subspan(static_cast<size_t>(begin), static_cast<size_t>(rows)),
               [&](int64_t i) { return fmt::format("{}, position {}", name, begin + i); });
    }
  }
  progress.update(result.tokens, "");
  progress.end();

  book.fill(result);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.tokens_per_second = static_cast<double>(result.tokens) / std::max(runner.seconds(), 1e-9);
  return result;
}

}  // namespace fptq
