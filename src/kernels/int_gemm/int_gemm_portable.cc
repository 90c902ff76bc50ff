// The plain version of int_gemm: the specification of the others.
#include <cmath>

#include "kernels/int_gemm/int_gemm_tiles.h"

namespace fptq::kernels {
namespace {

// dot[c] += sum over one group of a[k] * (stored code of column c); blocks hold one input, or two in nibbles.
void dot_group(const IntTiles& w, const uint8_t* codes, const int8_t* a, int32_t* dot) {
  if (w.bits == 4) {
    for (int64_t k = 0; k < w.group_inputs; k += 2, codes += kPanel) {
      const int16_t a0 = a[k], a1 = a[k + 1];
      for (int64_t c = 0; c < kPanel; ++c) {
        dot[c] += a0 * static_cast<int16_t>(codes[c] & 15) + a1 * static_cast<int16_t>(codes[c] >> 4);
      }
    }
  } else {
    for (int64_t k = 0; k < w.group_inputs; ++k, codes += kPanel) {
      const int16_t ak = a[k];
      for (int64_t c = 0; c < kPanel; ++c) dot[c] += ak * static_cast<int16_t>(static_cast<int8_t>(codes[c]));
    }
  }
}

void row_times_panel(const IntTiles& w, int64_t panel, const int8_t* a, int32_t act_zero, float* acc) {
  for (int64_t c = 0; c < kPanel; ++c) acc[c] = 0.0f;
  for (int64_t g = 0; g < w.groups; ++g, a += w.group_inputs) {
    const int64_t cell = (panel * w.groups + g) * kPanel;
    int32_t dot[kPanel] = {};
    dot_group(w, w.codes + (panel * w.groups + g) * w.group_bytes, a, dot);
    int32_t a_sum = 0;
    for (int64_t k = 0; k < w.group_inputs; ++k) a_sum += a[k];
    for (int64_t c = 0; c < kPanel; ++c) {
      // sum (a - za)(w - zw) = sum a w' - offset sum a - za sum (w - zw), w' = w + bias the stored code
      const int32_t offset = w.offsets == nullptr ? w.code_bias : w.offsets[cell + c];
      const int32_t exact = dot[c] - offset * a_sum - act_zero * w.sums[cell + c];
      acc[c] = std::fma(static_cast<float>(exact), w.scales[cell + c], acc[c]);
    }
  }
}

void run(const IntTiles& w, const IntRows& r) {
  for (int64_t n = r.begin; n < r.end; n += kPanel) {
    for (int64_t m = 0; m < r.rows; ++m) {
      float acc[kPanel];
      const int32_t act_zero = r.act_zero == nullptr ? 0 : r.act_zero[m];
      row_times_panel(w, n / kPanel, r.a + m * w.groups * w.group_inputs, act_zero, acc);
      const int64_t count = r.end - n < kPanel ? r.end - n : kPanel;
      for (int64_t c = 0; c < count; ++c) {
        const float y = acc[c] * r.act_scale[m];
        r.y[m * r.ldy + n + c] = w.bias == nullptr ? y : y + w.bias[n + c];
      }
    }
  }
}

}  // namespace

extern const IntKernel kIntKernelPortable;
const IntKernel kIntKernelPortable = {{1, 8, 0, false}, {1, 0, 0, false}, run};

}  // namespace fptq::kernels
