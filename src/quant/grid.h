// Weights to integers: the one offline place that rounds (the online one is kernels/quantize_activations).
// Both divide truly, clamp, and round half to even.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "tensor/dtype.h"

namespace fptq {

// The grid of one group: W ~ (code - zero) * scale, codes and zero signed (-4..3, -8..7, -128..127).
struct GroupGrid {
  float scale = 1.0f;
  int32_t zero = 0;
};

// `x` as it reads back from storage as `dtype` (F32, F16 or BF16); may overflow to infinity.
float round_to_dtype(float x, DType dtype);
// The smallest scale that is written: below it engines may flush to zero, or the type itself does.
float smallest_scale(DType dtype);

// Scale of a group that holds nothing but zeros: compressed-tensors' epsilon.
inline constexpr float kEmptyScale = 0x1p-23f;

// The least and the greatest value of a group, both with 0 among them.
struct Range {
  float low = 0.0f;
  float high = 0.0f;

  float reach() const { return std::max(-low, high); }
};
Range range_of(std::span<const float> w);
// The range of two groups together.
Range united(Range a, Range b);

// `scale` as it is stored: rounded to `dtype`, its magnitude not below smallest_scale().
float stored_scale(float scale, DType dtype);

// What a symmetric scale divides the greatest magnitude by.
enum class SymmetricFit : uint8_t {
  kNarrow,  // 7 (3 bits: 3, 8 bits: 127): nothing is clamped, the lowest code goes unused. FPTQ's and GPTQ's
  kFull,    // 7.5 (3.5, 127.5): finer steps, but a greatest weight above 0 loses half a step.
            // compressed-tensors'
  kSigned,  // 8 (4, 128), negative where the greatest magnitude is above 0: it gets the lowest code.
            // AutoRound's and GGUF's Q4_0's; for integers of 3 and 4 bits
};

// The grid that covers the finite values `w`. The scale is rounded to `scale_dtype` before anything else uses
// it:
//   symmetric   scale = max|w| / 7, or as `fit` says, zero 0; positive but for kSigned
//   asymmetric  scale = (max(w, 0) - min(w, 0)) / 15 (7, 255), zero = round(-min(w, 0) / scale) - 8 (4, 128)
// A group of zeros gets scale 2^-23 (compressed-tensors' epsilon) and decodes to exact zeros. The scale is
// infinite where the range exceeds the type: callers refuse that.
GroupGrid fit_group(std::span<const float> w, int bits, bool symmetric, DType scale_dtype,
                    SymmetricFit fit = SymmetricFit::kNarrow);
GroupGrid fit_range(Range range, int bits, bool symmetric, DType scale_dtype,
                    SymmetricFit fit = SymmetricFit::kNarrow);

// codes[i] = clamp(round(w[i] / scale) + zero, lowest code, highest code)
void round_group(std::span<const float> w, const GroupGrid& grid, int bits, int8_t* codes);

}  // namespace fptq
