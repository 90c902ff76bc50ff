#include "fptq/eval.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/engine.h"
#include "api/evaluation_text.h"
#include "api/kv_names.h"
#include "eval/perplexity.h"
#include "eval/text_cost.h"
#include "fptq/error.h"

namespace fptq {

EvalResult evaluate(const std::string& model, const EvalOptions& options, Progress& progress) {
  const std::string text = read_text(options.text);
  const auto pool = make_pool(options.threads);
  Engine engine(model, *pool);
  std::unique_ptr<Engine> reference;
  if (!options.reference.empty()) reference = std::make_unique<Engine>(options.reference, *pool);

  check_max_tokens(options.max_tokens);
  const std::vector<int32_t> ids = first_tokens(*engine.checkpoint.tokenizer, text, options.max_tokens);

  int64_t longest = engine.model->config().max_position;
  if (reference) longest = std::min(longest, reference->model->config().max_position);
  EvalHarness harness;
  harness.ctx = window_length(options.ctx, 2048, longest);
  harness.kv = kv_type(options.kv, engine.checkpoint);
  harness.stride = options.stride;
  if (options.stride < 0 || options.stride > harness.ctx) {
    throw Error(
        ErrorKind::kUsage, "--stride",
        fmt::format("expected 1 to {}, the length of a window, found {}", harness.ctx, options.stride));
  }
  if (reference) harness.reference_kv = kv_type("auto", reference->checkpoint);
  EvalResult result =
      evaluate_model(*engine.model, reference ? reference->model.get() : nullptr, ids, harness, progress);
  const std::span<const int32_t> covered = std::span(ids).first(static_cast<size_t>(result.tokens));
  set_text_costs(engine.checkpoint.tokenizer->decode(covered, false), result);
  result.model = model;
  result.reference = options.reference;
  result.text = options.text;
  result.peak_rss_bytes = peak_rss_bytes();
  return result;
}

}  // namespace fptq
