// The forms of inputs that scheme or method fix beforehand.
#include <fmt/format.h>

#include <cmath>

#include "quant/activation_policy.h"
#include "quant/grid.h"

namespace fptq {
namespace {

ActivationSpec of_mode(const ActivationContext& input, ActivationMode mode) {
  if (mode == ActivationMode::kFloat) return {};
  ActivationSpec spec = input.input;
  spec.mode = mode;
  return spec;
}

}  // namespace

std::optional<ActivationSpec> static_spec(const ActivationContext& input, std::span<const float> scales) {
  ActivationSpec spec = of_mode(input, ActivationMode::kStaticTensor);
  const float reach = observed_reach(input.statistics, scales, input.range, spec, *input.pool);
  spec.scale = round_to_dtype(reach / largest_code(spec), input.scale_dtype);
  if (!(spec.scale >= smallest_scale(input.scale_dtype)) || !std::isfinite(spec.scale)) return std::nullopt;
  return spec;
}

ActivationSpec trial_spec(const ActivationContext& input, std::span<const float> scales) {
  switch (input.form) {
    case ActivationForm::kFloat:
      return {};
    case ActivationForm::kStatic:
      if (const auto spec = static_spec(input, scales)) return *spec;
      break;
    case ActivationForm::kByMethod:
    case ActivationForm::kToken:
      break;
  }
  return of_mode(input, ActivationMode::kDynamicToken);
}

void hold(const ActivationContext& input, ActivationPlan& plan) {
  if (input.form == ActivationForm::kByMethod) return;
  const ActivationSpec chosen = plan.spec;
  plan.spec = trial_spec(input, plan.equalization);
  const char* held = plan.spec.mode == ActivationMode::kFloat          ? "not quantized"
                     : plan.spec.mode == ActivationMode::kStaticTensor ? "static per tensor"
                     : input.form == ActivationForm::kStatic           ? "no static scale: per token"
                                                                       : "per token";
  // A policy that chose for itself has said what.
  if (chosen.mode == plan.spec.mode && chosen.mode != ActivationMode::kFloat) return;
  if (chosen.mode != ActivationMode::kFloat) {
    plan.reason += fmt::format("; the scheme wants it {}", held);
  } else {
    plan.reason += (plan.reason.empty() ? "" : ": ") + std::string(held);
  }
}

}  // namespace fptq
