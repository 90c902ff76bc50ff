#include "quant/block_quantizer.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "fptq/error.h"
#include "quant/deviation.h"
#include "quant/fold.h"
#include "quant/group_size.h"
#include "quant/settings.h"

namespace fptq {
namespace {

// The norm that can absorb a scale of this input without touching anything else.
std::optional<NormId> absorbing_norm(const InputFacts& facts) {
  if (facts.producer == Producer::kAttentionNorm) return NormId::kAttention;
  if (facts.producer == Producer::kMlpNorm) return NormId::kMlp;
  return std::nullopt;
}

std::string last_name(const std::string& module) {
  return module.substr(module.rfind('.') + 1);
}

InputDecision describe(int64_t layer, const InputFacts& facts, const ActivationPlan& plan) {
  InputDecision d;
  d.layer = layer;
  d.input = facts.name;
  for (const LinearId id : facts.consumers) d.consumers.push_back(module_name(layer, id));
  d.v = plan.v;
  d.equalized = !plan.equalization.empty();
  d.activation = plan.spec.mode == ActivationMode::kStaticTensor ? "static" : "token";
  d.scale = plan.spec.scale;
  d.reason = plan.reason;
  return d;
}

}  // namespace

BlockQuantizer::BlockQuantizer(const WeightSource& source, ThreadPool& pool, const QuantizeOptions& options)
    : source_(source),
      pool_(pool),
      options_(options),
      method_(find_method(options.method)),
      dtype_(resolve_output_dtype(options, source.config())) {}

QuantizedBlock BlockQuantizer::quantize(int64_t layer, const ActivationObserver& observer,
                                        PipelineState& state,
                                        const std::function<void(LinearId)>& after_matrix) const {
  QuantizedBlock block;
  block.layer = layer;
  std::array<ActivationPlan, kAllInputs.size()> plans;
  std::array<std::span<const float>, 2> norm_scales;  // by NormId
  for (const InputId id : kAllInputs) {
    const InputFacts& facts = input_facts(id);
    ActivationPlan& plan = plans[static_cast<size_t>(id)];
    plan = decide(layer, facts, observer.of(id));
    if (const auto norm = absorbing_norm(facts)) norm_scales[static_cast<size_t>(*norm)] = plan.equalization;
    state.inputs.push_back(describe(layer, facts, plan));
  }
  block.attention_norm =
      norm(layer, NormId::kAttention, norm_scales[static_cast<size_t>(NormId::kAttention)]);
  block.mlp_norm = norm(layer, NormId::kMlp, norm_scales[static_cast<size_t>(NormId::kMlp)]);
  for (const LinearId id : kAllLinears) {
    block.linears.push_back(round(layer, id, plans[static_cast<size_t>(input_of(id))], state.linears));
    after_matrix(id);
  }
  return block;
}

ActivationPlan BlockQuantizer::decide(int64_t layer, const InputFacts& facts,
                                      const ActivationStatistics& statistics) const {
  check_finite(statistics, where(fmt::format("layer {} {}", layer, facts.name)));
  ActivationContext context{.statistics = statistics};
  if (const auto norm = absorbing_norm(facts)) context.norm = last_name(norm_module_name(layer, *norm));
  context.static_threshold = options_.static_threshold;
  context.dynamic_threshold = options_.dynamic_threshold;
  context.scale_dtype = dtype_;
  return method_.plan_activation(context);
}

Tensor BlockQuantizer::norm(int64_t layer, NormId id, std::span<const float> scales) const {
  return fold_norm(source_.norm(layer, id), scales, dtype_, where(norm_module_name(layer, id) + ".weight"));
}

LinearWeights BlockQuantizer::round(int64_t layer, LinearId id, const ActivationPlan& plan,
                                    std::vector<LinearReport>& reports) const {
  const std::string module = module_name(layer, id);
  const LinearWeights original = source_.linear(layer, id);
  if (!original.spec.dense()) {
    throw Error(ErrorKind::kBadModel, where(module),
                fmt::format("is quantized to {} bits already, expected floating weights", original.spec.bits),
                "quantize the original model");
  }
  const WeightRows weights(original, plan.equalization, where(module + ".weight"));
  const GroupSize group = resolve_group_size(original.cols, options_.group_size);
  const WeightSpec spec{
      .bits = options_.weight_bits, .group_size = group.size, .symmetric = options_.symmetric};
  LinearWeights quantized = method_.solve(weights, spec, dtype_, pool_);
  quantized.activation = plan.spec;
  const Deviation deviation = measure_deviation(weights, quantized, pool_);
  reports.push_back({.module = module,
                     .bits = spec.bits,
                     .group_size = group.size,
                     .group_size_fell_back = group.fell_back,
                     .relative_error = deviation.relative_error,
                     .sqnr_db = deviation.sqnr_db});
  return quantized;
}

}  // namespace fptq
