// The table of quantization methods. A method is a row: a policy for activations and a solver for weights.
#pragma once

#include <span>
#include <string>

#include "quant/activation_policy.h"
#include "quant/round_to_nearest.h"

namespace fptq {

struct Method {
  const char* name;
  const char* summary;     // one line for --help
  bool needs_calibration;  // the policy reads statistics
  ActivationPlan (*plan_activation)(const ActivationContext& input);
  LinearWeights (*solve)(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                         ThreadPool& pool);
};

std::span<const Method> methods();

// Throws Error(kUsage) with the names that exist.
const Method& find_method(const std::string& name);

}  // namespace fptq
