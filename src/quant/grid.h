// Weights to integers: the one offline place that rounds (the online one is kernels/quantize_activations).
// Both divide truly, clamp, and round half to even.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/dtype.h"

namespace fptq {

// The grid of one group: W ~ (code - zero) * scale, codes and zero signed (-8..7, -128..127).
struct GroupGrid {
  float scale = 1.0f;
  int32_t zero = 0;
};

// `x` as it reads back from storage as `dtype` (F32, F16 or BF16); may overflow to infinity.
float round_to_dtype(float x, DType dtype);
// The smallest scale that is written: below it engines may flush to zero, or the type itself does.
float smallest_scale(DType dtype);

// The grid that covers the finite values `w`. The scale is rounded to `scale_dtype` before anything else uses
// it:
//   symmetric   scale = max|w| / 7 (127 for 8 bits), zero 0
//   asymmetric  scale = (max(w, 0) - min(w, 0)) / 15 (255), zero = round(-min(w, 0) / scale) - 8 (128)
// A group of zeros gets scale 2^-23 (compressed-tensors' epsilon) and decodes to exact zeros. The scale is
// positive, but infinite where the range exceeds the type: callers refuse that.
GroupGrid fit_group(std::span<const float> w, int bits, bool symmetric, DType scale_dtype);

// codes[i] = clamp(round(w[i] / scale) + zero, lowest code, highest code)
void round_group(std::span<const float> w, const GroupGrid& grid, int bits, int8_t* codes);

}  // namespace fptq
