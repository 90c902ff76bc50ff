// Weights that are not numbers are found when they are read, not as garbage in the logits.
#pragma once

#include <string>

#include "tensor/tensor.h"

namespace fptq {

// Throws Error(kBadModel, where) when an element of floating tensor `t` is NaN or infinite. Of ggml blocks
// only the scales are looked at: what is finite times an integer of a few bits stays finite.
void check_finite(const Tensor& t, const std::string& where);

}  // namespace fptq
