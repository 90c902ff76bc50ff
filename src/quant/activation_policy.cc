#include "quant/activation_policy.h"

#include <fmt/format.h>

#include <cmath>

#include "quant/equalize.h"
#include "quant/grid.h"

namespace fptq {
namespace {

ActivationPlan per_token(double v, std::string reason) {
  ActivationPlan plan;
  plan.spec.mode = ActivationMode::kDynamicToken;
  plan.v = v;
  plan.reason = std::move(reason);
  return plan;
}

// `reach` is the largest |x| that the scale must cover: v, or what equalization left of it.
ActivationPlan fixed(const ActivationContext& input, double v, float reach, std::string reason) {
  const float scale = round_to_dtype(reach / 127.0f, input.scale_dtype);
  if (scale < smallest_scale(input.scale_dtype) || !std::isfinite(scale)) {
    return per_token(v, fmt::format("v = {:.4g} has no static scale in {}: per token", v,
                                    dtype_info(input.scale_dtype).name));
  }
  ActivationPlan plan;
  plan.spec = {.mode = ActivationMode::kStaticTensor, .symmetric = true, .scale = scale, .zero_point = 0};
  plan.v = v;
  plan.reason = std::move(reason);
  return plan;
}

}  // namespace

ActivationPlan fptq_policy(const ActivationContext& input) {
  const float v = input.statistics.max();
  const double v0 = input.static_threshold, v1 = input.dynamic_threshold;
  if (v == 0.0f) return per_token(v, "v = 0, silent on the calibration tokens: per token");
  if (v <= v0) return fixed(input, v, v, fmt::format("v = {:.4g} <= {:g}: static per tensor", v, v0));
  if (v >= v1) return per_token(v, fmt::format("v = {:.4g} >= {:g}: per token", v, v1));
  const std::string between = fmt::format("{:g} < v = {:.4g} < {:g}", v0, v, v1);
  if (input.norm.empty()) return per_token(v, between + " but no norm can absorb the scale: per token");
  std::vector<float> scales = lae_scales(input.statistics.channel_max);
  ActivationPlan plan = fixed(input, v, equalized_max(input.statistics.channel_max, scales),
                              fmt::format("{}: LAE folded into {}, static per tensor", between, input.norm));
  if (plan.spec.mode == ActivationMode::kStaticTensor) plan.equalization = std::move(scales);
  return plan;
}

ActivationPlan per_token_policy(const ActivationContext& input) {
  return per_token(input.statistics.max(), "the method quantizes every input per token");
}

ActivationPlan plain_policy(const ActivationContext& input) {
  ActivationPlan plan;
  plan.v = input.statistics.max();
  return plan;
}

}  // namespace fptq
