// Folding an equalization into the norm that produces the equalized input: x / s for the price of one
// division.
#pragma once

#include <span>
#include <string>

#include "tensor/tensor.h"

namespace fptq {

// gamma / s as F32 [hidden] (gamma itself, as F32, when `scales` is empty). The other half of the fold,
// weight columns times s, is WeightRows'. Throws Error(kBadModel, where) when a value is not finite, or would
// not be once stored as `dtype`.
Tensor fold_norm(const Tensor& gamma, std::span<const float> scales, DType dtype, const std::string& where);

}  // namespace fptq
