// The plain version of int_gemm: the specification of the others.
#include <bit>
#include <cmath>

#include "base/half.h"
#include "kernels/int_gemm/int_gemm_tiles.h"

namespace fptq::kernels {
namespace {

constexpr int64_t kWidth = 16;

// dot[c] += sum over one group of a[k] * (stored code of column c); blocks hold one input, or two in nibbles.
void dot_group(const IntTiles& w, const uint8_t* codes, const int8_t* a, int32_t* dot) {
  if (w.bits == 4) {
    for (int64_t k = 0; k < w.group_inputs; k += 2, codes += kWidth) {
      const int16_t a0 = a[k], a1 = a[k + 1];
      for (int64_t c = 0; c < kWidth; ++c) {
        dot[c] += a0 * static_cast<int16_t>(codes[c] & 15) + a1 * static_cast<int16_t>(codes[c] >> 4);
      }
    }
  } else {
    for (int64_t k = 0; k < w.group_inputs; ++k, codes += kWidth) {
      const int16_t ak = a[k];
      for (int64_t c = 0; c < kWidth; ++c) dot[c] += ak * static_cast<int16_t>(static_cast<int8_t>(codes[c]));
    }
  }
}

float scale_at(const IntTiles& w, int64_t cell) {
  switch (w.scale_type) {
    case kScaleF16:
      return f16_to_float(static_cast<const uint16_t*>(w.scales)[cell]);
    case kScaleBF16:
      return bf16_to_float(static_cast<const uint16_t*>(w.scales)[cell]);
    case kScaleF32:
      break;
  }
  return static_cast<const float*>(w.scales)[cell];
}

void row_times_panel(const IntTiles& w, const IntRows& r, int64_t panel, int64_t row, float* acc) {
  const int8_t* a = r.a + row * w.groups * w.group_inputs;
  for (int64_t c = 0; c < kWidth; ++c) acc[c] = 0.0f;
  for (int64_t g = 0; g < w.groups; ++g, a += w.group_inputs) {
    const int64_t cell = (panel * w.groups + g) * kWidth;
    int32_t dot[kWidth] = {};
    dot_group(w, w.codes + (panel * w.groups + g) * w.group_bytes, a, dot);
    int32_t a_sum = 0;
    for (int64_t k = 0; k < w.group_inputs; ++k) a_sum += a[k];
    for (int64_t c = 0; c < kWidth; ++c) {
      // sum (a - za)(w - zw) = sum a w' - offset sum a - za sum (w - zw), w' = w + bias the stored code
      const int32_t offset = w.code_bias + (w.zeros == nullptr ? 0 : w.zeros[cell + c]);
      int32_t exact = dot[c] - offset * a_sum;
      if (r.act_zero != nullptr) exact -= r.act_zero[row] * w.sums[cell + c];
      acc[c] = std::fma(static_cast<float>(exact), scale_at(w, cell + c), acc[c]);
    }
  }
}

// Tiles are one row high.
void run(const IntTiles& w, const IntRows& r) {
  for (int64_t n = r.begin; n < r.end; n += kWidth) {
    for (int64_t m = 0; m < r.rows; ++m) {
      float acc[kWidth];
      row_times_panel(w, r, n / kWidth, m, acc);
      const int64_t count = r.end - n < kWidth ? r.end - n : kWidth;
      for (int64_t c = 0; c < count; ++c) {
        const float y = acc[c] * r.act_scale[m];
        r.y[m * r.ldy + n + c] = w.bias == nullptr ? y : y + w.bias[n + c];
      }
    }
  }
}

}  // namespace

extern const IntKernel kIntKernelPortable;
const IntKernel kIntKernelPortable = {kWidth, 1, {1, 8, 1, 0}, {1, 0, 1, 0}, run, 0, 0};

}  // namespace fptq::kernels
