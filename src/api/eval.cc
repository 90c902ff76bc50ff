#include "fptq/eval.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "api/engine.h"
#include "api/evaluation_text.h"
#include "api/kv_names.h"
#include "eval/model_logits.h"
#include "eval/perplexity.h"
#include "eval/saved_predictions.h"
#include "eval/text_cost.h"
#include "fptq/error.h"

namespace fptq {
namespace {

// The model to compare with, or its saved predictions; nothing where none was asked for.
struct Against {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<ModelLogits> logits;
  std::unique_ptr<Reference> reference;
  const SavedPredictions* saved = nullptr;
};

Against open_reference(const std::string& path, ThreadPool& pool) {
  Against against;
  if (SavedPredictions::is_one(path)) {
    auto saved = std::make_unique<SavedPredictions>(path);
    against.saved = saved.get();
    against.reference = std::move(saved);
  } else if (!path.empty()) {
    against.engine = std::make_unique<Engine>(path, pool);
    against.logits =
        std::make_unique<ModelLogits>(*against.engine->model, kv_type("auto", against.engine->checkpoint));
    against.reference = std::make_unique<LogitReference>(*against.logits);
  }
  return against;
}

// What was saved says how the text is cut.
EvalOptions as_saved(const EvalOptions& options, const SavedPredictions& saved) {
  const auto refuse = [](const char* option, int64_t asked, int64_t expected) {
    if (asked == 0 || asked == expected) return;
    throw Error(ErrorKind::kUsage, option,
                fmt::format("is {}, but the predictions were saved with {}", asked, expected),
                "leave it out");
  };
  refuse("--ctx", options.ctx, saved.ctx());
  refuse("--stride", options.stride, saved.stride());
  EvalOptions result = options;
  result.ctx = saved.ctx();
  result.stride = saved.stride();
  return result;
}

// The tokens of the text that predictions were saved of.
void hold_to_saved(const std::string& path, const SavedPredictions& saved, std::vector<int32_t>& ids) {
  const std::vector<int32_t>& expected = saved.ids();
  const auto [found, other] = std::ranges::mismatch(ids, expected);
  if (other != expected.end()) {
    const auto at = other - expected.begin();
    throw Error(
        ErrorKind::kUsage, path,
        found == ids.end()
            ? fmt::format("was saved of {} tokens, the text has {}", expected.size(), ids.size())
            : fmt::format("was saved of another text: its token {} is {}, here it is {}", at, *other, *found),
        "give the text, --max-tokens and a tokenizer that it was saved with");
  }
  ids.resize(expected.size());
}

}  // namespace

EvalResult evaluate(const std::string& model, const EvalOptions& asked, Progress& progress) {
  if (!asked.save_predictions.empty()) PredictionWriter::check_path(asked.save_predictions);
  const std::string text = read_text(asked.text);
  const auto pool = make_pool(asked.threads);
  Engine engine(model, *pool);
  const Against against = open_reference(asked.reference, *pool);
  const EvalOptions options = against.saved != nullptr ? as_saved(asked, *against.saved) : asked;

  check_max_tokens(options.max_tokens);
  std::vector<int32_t> ids = first_tokens(*engine.checkpoint.tokenizer, text, options.max_tokens);
  if (against.saved != nullptr) hold_to_saved(options.reference, *against.saved, ids);

  int64_t longest = engine.model->config().max_position;
  if (against.engine) longest = std::min(longest, against.engine->model->config().max_position);
  const int64_t ctx = window_length(options.ctx, 2048, longest);
  if (options.stride < 0 || options.stride > ctx) {
    throw Error(ErrorKind::kUsage, "--stride",
                fmt::format("expected 1 to {}, the length of a window, found {}", ctx, options.stride));
  }

  ModelLogits logits(*engine.model, kv_type(options.kv, engine.checkpoint));
  std::unique_ptr<PredictionWriter> writer;
  if (!options.save_predictions.empty()) {
    check_enough(ids);
    writer = std::make_unique<PredictionWriter>(
        logits, ids,
        PredictionWriter::What{.model = model, .ctx = ctx, .stride = options.stride, .top_k = options.top_k},
        options.save_predictions, *pool);
  }
  LogitSource& source = writer ? static_cast<LogitSource&>(*writer) : logits;
  EvalResult result =
      evaluate_logits(source, against.reference.get(), ids, ctx, options.stride, *pool, progress);
  if (writer) writer->commit();
  const std::span<const int32_t> covered = std::span(ids).first(static_cast<size_t>(result.tokens));
  set_text_costs(engine.checkpoint.tokenizer->decode(covered, false), result);
  result.model = model;
  result.reference = options.reference;
  if (against.saved != nullptr) {
    result.reference = against.saved->model();
    if (against.saved->top_k() < against.saved->vocab_size()) result.reference_top_k = against.saved->top_k();
  }
  result.text = options.text;
  result.peak_rss_bytes = peak_rss_bytes();
  return result;
}

}  // namespace fptq
