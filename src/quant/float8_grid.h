// Weights to 8-bit floats (base/float8.h), with the arithmetic of compressed-tensors: true division, clamp,
// round half to even.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/dtype.h"
#include "tensor/linear_weights.h"

namespace fptq {

// The scale that maps a greatest magnitude of `reach` to the largest number of `type` (448 or 57344), as it
// is stored in `scale_dtype`; kEmptyScale for 0. Infinite where it exceeds the type: callers refuse that.
float fit_float8(float reach, CodeType type, DType scale_dtype);

// codes[i] = w[i] / scale as `type`; what lies beyond its largest number becomes that.
void round_float8(std::span<const float> w, float scale, CodeType type, uint8_t* codes);

}  // namespace fptq
