#include "api/trial_evaluation.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/engine.h"
#include "api/evaluation_text.h"
#include "api/kv_names.h"
#include "base/hash.h"
#include "eval/model_logits.h"
#include "eval/perplexity.h"
#include "eval/recorded_logits.h"

namespace fptq {

TrialEvaluation::TrialEvaluation(const Checkpoint& source, const std::string& source_key,
                                 std::filesystem::path folder, const TrialOptions& options)
    : source_(source),
      folder_(std::move(folder)),
      threads_(options.threads),
      ids_(evaluation_tokens(*source.tokenizer, options.text, options.max_tokens)) {
  const int64_t window = window_length(options.ctx, 1024, source.weights->config().max_position);
  ctx_ = std::min(window, std::ssize(ids_));
  Hasher hasher;
  hasher.add(fmt::format("{} ctx {}\n", source_key, ctx_)).add(std::as_bytes(std::span(ids_)));
  key_ = hasher.hex();
}

int64_t TrialEvaluation::tokens() const {
  return std::ssize(ids_) / ctx_ * ctx_;
}

std::filesystem::path TrialEvaluation::recording() const {
  return folder_ / fmt::format("original-{}.safetensors", key_.substr(0, 12));
}

void TrialEvaluation::record(Progress& progress) const {
  if (is_recorded(recording(), key_)) return;
  const auto pool = make_pool(threads_);
  const Engine engine(source_.path.string(), *pool);
  record_hidden(*engine.model, ids_, ctx_, kv_type("auto", engine.checkpoint), recording(), key_, progress);
}

EvalResult TrialEvaluation::original(Progress& progress) const {
  record(progress);
  const auto pool = make_pool(threads_);
  const auto backend = make_cpu_backend(*pool);
  RecordedLogits recorded(recording(), *backend, source_.weights->head());
  return evaluate_logits(recorded, nullptr, ids_, ctx_, ctx_, *pool, progress);
}

EvalResult TrialEvaluation::of(const std::string& model, Progress& progress) const {
  record(progress);
  const auto pool = make_pool(threads_);
  const Engine engine(model, *pool);
  RecordedLogits recorded(recording(), *engine.backend, source_.weights->head());
  LogitReference reference(recorded);
  ModelLogits logits(*engine.model, kv_type("auto", engine.checkpoint));
  return evaluate_logits(logits, &reference, ids_, ctx_, ctx_, *pool, progress);
}

}  // namespace fptq
