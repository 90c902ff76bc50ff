#include "eval/perplexity.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "eval/model_logits.h"
#include "eval/score_book.h"
#include "eval/text_windows.h"
#include "fptq/error.h"

namespace fptq {
namespace {

// Rows whose logits exist at the same time: enough for the matrix product to run at speed, and 25 MB a model
// at a vocabulary of 49,152.
constexpr int64_t kRows = 128;

// The model under test, and the time that it took.
class Runner {
 public:
  explicit Runner(LogitSource& source) : source_(source) {}

  void run_window(std::span<const int32_t> ids) {
    const auto start = Clock::now();
    source_.run_window(ids);
    time_ += Clock::now() - start;
  }
  const float* logits(int64_t begin, int64_t rows) {
    const auto start = Clock::now();
    const float* logits = source_.logits(begin, rows);
    time_ += Clock::now() - start;
    return logits;
  }

  double seconds() const { return std::chrono::duration<double>(time_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  LogitSource& source_;
  Clock::duration time_{};
};

void require_same_vocabulary(const LogitSource& model, const Reference& reference) {
  const int64_t found = model.vocab_size();
  const int64_t expected = reference.vocab_size();
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

void check_enough(std::span<const int32_t> ids) {
  if (ids.size() >= 2) return;
  throw Error(ErrorKind::kBadModel, "text",
              fmt::format("expected at least 2 tokens to evaluate on, found {}", ids.size()));
}

EvalResult evaluate_model(Model& model, Model* reference, std::span<const int32_t> ids,
                          const EvalHarness& harness, Progress& progress) {
  ModelLogits logits(model, harness.kv);
  ThreadPool& pool = model.backend().pool();
  if (reference == nullptr)
    return evaluate_logits(logits, nullptr, ids, harness.ctx, harness.stride, pool, progress);
  ModelLogits reference_logits(*reference, harness.reference_kv);
  LogitReference against(reference_logits);
  return evaluate_logits(logits, &against, ids, harness.ctx, harness.stride, pool, progress);
}

EvalResult evaluate_logits(LogitSource& model, Reference* reference, std::span<const int32_t> ids,
                           int64_t ctx, int64_t stride, ThreadPool& pool, Progress& progress) {
  check_enough(ids);
  if (reference != nullptr) require_same_vocabulary(model, *reference);

  EvalResult result;
  const TextWindows windows(std::ssize(ids), ctx, stride);
  result.ctx = windows.ctx();
  result.stride = windows.stride();
  result.tokens = windows.tokens();

  ScoreBook book(pool, model.vocab_size());
  Runner runner(model);
  const auto start = std::chrono::steady_clock::now();
  progress.begin("evaluate", result.tokens);
  for (int64_t w = 0; w < windows.count(); ++w) {
    const std::string name = fmt::format("window {} of {}", w + 1, windows.count());
    const int64_t start_of_window = windows.begin(w);
    progress.update(start_of_window, name);
    const auto window = ids.subspan(static_cast<size_t>(start_of_window), static_cast<size_t>(result.ctx));
    runner.run_window(window);
    if (reference != nullptr) reference->run_window(window);
    // What each position predicts; the window's last position predicts nothing that is in it.
    std::vector<int32_t> next(window.begin() + 1, window.end());
    next.push_back(-1);
    const auto [first, last] = windows.compared(w);
    for (int64_t begin = first; begin < last; begin += kRows) {
      progress.update(start_of_window + begin, name);
      const int64_t rows = std::min(kRows, last - begin);
      const float* logits = runner.logits(begin, rows);
      if (reference != nullptr) reference->go_to(begin, rows);
      book.add(logits, reference,
               std::span<const int32_t>(next).subspan(static_cast<size_t>(begin), static_cast<size_t>(rows)),
               [&](int64_t i) { return fmt::format("{}, position {}", name, begin + i); });
    }
  }
  progress.update(result.tokens, "");
  progress.end();

  book.fill(result);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.tokens_per_second =
      static_cast<double>(windows.count() * result.ctx) / std::max(runner.seconds(), 1e-9);
  return result;
}

}  // namespace fptq
