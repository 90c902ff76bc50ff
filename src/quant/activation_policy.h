// Activation policies: how one shared input of linear layers is quantized, decided from its statistics alone.
// A policy knows no model: whoever calls it says what, if anything, can absorb an equalization.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "quant/observer.h"
#include "quant/scheme.h"
#include "quant/static_range.h"
#include "quant/weight_rows.h"
#include "tensor/dtype.h"
#include "tensor/linear_weights.h"

namespace fptq {

struct ActivationContext {
  const ActivationStatistics& statistics;  // empty for methods that need no data
  std::string norm = {};                   // the norm that can absorb a scale ("input_layernorm"), or empty
  // The row of the layer that makes channel j and can absorb its scale (v_proj's, up_proj's): channels of one
  // row must have the same scale. Empty where a norm makes them, one for each.
  std::span<const int32_t> producer_rows = {};
  std::span<const WeightRows> consumers = {};  // that read the input
  WeightSpec weights = {};                     // of the consumers
  double static_threshold = 15.0;              // v0 of the paper
  double dynamic_threshold = 150.0;            // v1
  DType scale_dtype = DType::kF32;             // that the static scale is stored in: it is rounded to it here
  ThreadPool* pool = nullptr;
  // What scheme or method fix beforehand: policies may leave the form to hold(), and choose with it in mind.
  ActivationForm form = ActivationForm::kByMethod;
  ActivationSpec input = {};          // type and bits of the forms that hold() makes
  RangeOptions range = {};            // of its static ones
  std::optional<double> alpha = 0.5;  // SmoothQuant's; none: searched
};

struct ActivationPlan {
  ActivationSpec spec;
  // s_j, to fold into what makes the input and into the consumers' columns; empty: none.
  std::vector<float> equalization;
  double v = 0.0;      // largest |x| before equalization
  std::string reason;  // for people
};

// FPTQ (shared/docs/method.md section 1.8), with v measured before equalization and both limits inclusive:
//   v <= v0                              static, scale v / 127
//   v0 < v < v1 and a norm can absorb it LAE, then static, scale max_j(a_j / s_j) / 127
//   otherwise                            a scale per token
// An input that gives no usable static scale (all zero in calibration, or v / 127 outside the scale's type)
// is quantized per token too: that is right for any data to come.
ActivationPlan fptq_policy(const ActivationContext& input);

// By search: of several equalizations (none, LAE tempered, SmoothQuant) the one with the least error of the
// layers' outputs on sampled tokens, weights and activations both rounded; then static per tensor, with the
// range that serves best, where that costs less than two hundredths of the error, and per token elsewhere.
// Uses every fold there is, into norms, v_proj and up_proj. Needs a sample.
ActivationPlan searched_policy(const ActivationContext& input);

// A scale per token everywhere; needs no statistics.
ActivationPlan per_token_policy(const ActivationContext& input);

// These leave the form to hold():

// Inputs as they are.
ActivationPlan plain_policy(const ActivationContext& input);

// SmoothQuant (arXiv 2211.10438), on the inputs that a norm can divide, as its authors and llm-compressor do:
// s_j = a_j^alpha / w_j^(1 - alpha); with a searched alpha the one of 0.1, 0.15 .. 0.9 that leaves the least
// error of the layers' outputs on sampled tokens, or no smoothing.
ActivationPlan smoothquant_policy(const ActivationContext& input);

// AWQ (arXiv 2306.00978), on every input, folded into norms, v_proj and up_proj: the least error of the
// layers' outputs on sampled tokens among the scales of awq_scales(), ratio 0 .. 1 in 20 steps, with and
// without the weights' share in them. Needs a sample and means.
ActivationPlan awq_policy(const ActivationContext& input);

// The input divided by `scales` in its static form: a scale that covers the observed range. None where the
// range has no scale in the type (silent in calibration, or beyond it).
std::optional<ActivationSpec> static_spec(const ActivationContext& input, std::span<const float> scales);

// The form in which a policy compares scales: the one that is fixed beforehand, or else per token.
ActivationSpec trial_spec(const ActivationContext& input, std::span<const float> scales);

// Gives `plan` the form that is fixed beforehand, where one is; its equalization stays. A static form that
// there is no scale for is per token.
void hold(const ActivationContext& input, ActivationPlan& plan);

}  // namespace fptq
