#include "fptq/compare.h"

#include <algorithm>

#include "api/engine.h"
#include "api/evaluation_text.h"
#include "api/kv_names.h"
#include "api/measure_alone.h"
#include "eval/perplexity.h"
#include "fptq/inspect.h"

namespace fptq {
namespace {

ComparedModel measured(const std::string& path, const AloneOptions& options) {
  const ModelSummary summary = inspect(path, false);
  const AloneResult alone = measure_alone(path, options);
  ComparedModel result;
  result.path = path;
  result.format = summary.format;
  result.file_bytes = summary.file_bytes;
  result.dense_bytes = 2 * static_cast<uint64_t>(summary.parameters);
  result.bits_per_weight = summary.bits_per_weight;
  result.load_seconds = alone.load_seconds;
  result.prefill_tokens_per_second = alone.prefill_tokens_per_second;
  result.decode_tokens_per_second = alone.decode_tokens_per_second;
  result.peak_rss_bytes = alone.peak_rss_bytes;
  result.sample = alone.sample;
  return result;
}

}  // namespace

CompareResult compare(const std::string& a, const std::string& b, const CompareOptions& options,
                      Progress& progress) {
  const std::string text = evaluation_text(options.text);
  check_max_tokens(options.max_tokens);
  CompareResult result;
  AloneOptions alone;
  alone.text = text;
  alone.prompt = options.prompt;
  alone.max_new_tokens = options.max_new_tokens;
  alone.threads = options.threads;
  progress.begin("measure", 2);
  result.original = measured(a, alone);
  progress.update(1, a);
  result.quantized = measured(b, alone);
  progress.update(2, b);
  progress.end();

  const auto pool = make_pool(options.threads);
  Engine original(a, *pool), quantized(b, *pool);
  const std::vector<int32_t> ids = first_tokens(*original.checkpoint.tokenizer, text, options.max_tokens);
  EvalHarness harness;
  harness.ctx =
      window_length(options.ctx, 1024,
                    std::min(original.model->config().max_position, quantized.model->config().max_position));
  harness.kv = kv_type("auto", quantized.checkpoint);
  harness.reference_kv = kv_type("auto", original.checkpoint);
  const EvalResult eval = evaluate_model(*quantized.model, original.model.get(), ids, harness, progress);
  result.original.perplexity = eval.reference_perplexity;
  result.quantized.perplexity = eval.perplexity;
  result.kl = *eval.kl;
  result.tokens = eval.tokens;
  return result;
}

}  // namespace fptq
