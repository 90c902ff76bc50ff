// Options checked, and those that depend on the model resolved, before any work begins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fptq/quantize.h"
#include "model/config.h"
#include "quant/group_size.h"
#include "quant/method.h"
#include "quant/observer.h"
#include "quant/scheme.h"
#include "tensor/dtype.h"
#include "tensor/linear_weights.h"

namespace fptq {

// Throws Error(kUsage) naming the option, what it is and what is accepted: method, scheme, weight bits, group
// size, thresholds, observer, alpha, dtype; and what contradicts each other. (Calibration options are checked
// where calibration data is loaded.)
void check_options(const QuantizeOptions& options);

// What checked options ask for in all, from the scheme, the method and what stands beside them:

// The row of the table; `auto` is rtn where there are no groups or rows of integers to solve for.
const Method& method_of(const QuantizeOptions& options);
int weight_bits(const QuantizeOptions& options);
// Of all layers, as resolve_group_size() takes it.
int64_t wanted_group_size(const QuantizeOptions& options);
// The weights of a layer with `cols` inputs.
WeightSpec weight_spec(const QuantizeOptions& options, int64_t cols);
GroupSize group_size(const QuantizeOptions& options, int64_t cols);
// "keep" or "int8". Throws Error(kUsage) for other names.
std::string embeddings_name(const QuantizeOptions& options);
// "keep", "int8" or "int4". A head that nobody speaks of goes with the embeddings, to which it may be tied.
std::string head_name(const QuantizeOptions& options);
// How the output head of `hidden_size` inputs is to be stored; nothing where it stays as it is.
std::optional<WeightSpec> head_weight_spec(const QuantizeOptions& options, int64_t hidden_size);
// kByMethod where the method decides input by input.
ActivationForm activation_form(const QuantizeOptions& options);
bool needs_calibration(const QuantizeOptions& options);
// With the number of windows that the method does best with, where options leave it open.
CalibrationOptions calibration_options(const QuantizeOptions& options);
StatisticsNeeds statistics_needs(const QuantizeOptions& options);

// The type of scales and dense tensors of the result: F32, F16 or BF16. "auto" is the source's own where that
// is one of them, and BF16 for sources in block formats.
DType resolve_output_dtype(const QuantizeOptions& options, const ModelConfig& config);

}  // namespace fptq
