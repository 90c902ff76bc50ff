// The table of quantization methods. A method is a row: what it wants to know, a policy for activations, and
// a solver for weights.
#pragma once

#include <span>
#include <string>

#include "base/thread_pool.h"
#include "model/layout.h"
#include "quant/activation_policy.h"
#include "quant/calibration.h"
#include "quant/curvature.h"
#include "quant/observer.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

// One matrix to be solved, as the rows of the table see it.
struct SolverInput {
  const WeightRows& weights;
  const WeightSpec& spec;
  DType scale_dtype;
  const Curvature* curvature;  // of the equalized input; null unless the method needs moments
  ThreadPool& pool;
  LinearId id = LinearId::kQ;
  std::span<const float> sample = {};        // of the input, [tokens, cols]; empty unless the method needs it
  std::span<const float> equalization = {};  // that divides the sample, and is folded into `weights`
};

struct Method {
  const char* name;
  const char* summary;            // one line for --help
  bool needs_calibration = true;  // statistics are read
  StatisticsNeeds needs = {};     // beside channel maxima
  // Statistics are those of what the quantized blocks before this one produce, instead of the original's.
  bool sequential = false;
  ActivationPlan (*plan_activation)(const ActivationContext& input);
  LinearWeights (*solve)(const SolverInput& input);
  // How inputs are held when the scheme leaves it to the method; kByMethod: as plan_activation says.
  ActivationForm inputs = ActivationForm::kByMethod;
  Regularization regularization = {};  // of the curvature that the solver sees
  // What the solver finds is where learned rounding of the whole block begins.
  bool learns = false;
  // Scales and norms of the whole model are tuned at the end.
  bool tunes = false;
  // Policy and solver take weights and inputs of every type; others know integers alone.
  bool every_type = false;
  // What it calibrates on when there are no data.
  const char* without_data = kRandomIds;
};

// What searches and observers look at.
inline constexpr int64_t kSampleTokens = 512;

std::span<const Method> methods();

// Throws Error(kUsage) with the names that exist.
const Method& find_method(const std::string& name);

}  // namespace fptq
