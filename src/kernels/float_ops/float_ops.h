// The float operations of a transformer between its matrix products. Each gives the same bits on every ISA:
// reductions run in 16 lanes (element i adds to lane i mod 16; lanes then add pairwise 8+8, 4+4, 2+2, 1+1),
// products and sums round separately.
#pragma once

#include <cstdint>

namespace fptq::kernels {

enum class Isa;  // kernels/isa.h

struct FloatOps {
  // y[i] = x[i] * (1 / sqrt(mean(x^2) + eps)) * gamma[i]; y may be x.
  void (*rms_norm)(const float* x, const float* gamma, float eps, int64_t n, float* y);
  // y[i] = gate[i] / (1 + exp(-gate[i])) * up[i]; y may be gate or up. exp to 2 ulp, no overflow.
  void (*silu_mul)(const float* gate, const float* up, int64_t n, float* y);
  // y[i] += x[i]
  void (*add)(const float* x, int64_t n, float* y);
  // Rotates one head of 2*half elements in the half-split layout of Hugging Face: (x[i], x[i+half]).
  void (*rope)(float* head, const float* cos, const float* sin, int64_t half);
  // The largest |x[i]| of n elements, and into maxima[i] = max(maxima[i], |x[i]|).
  float (*abs_max)(const float* x, int64_t n);
  void (*channel_abs_max)(const float* x, int64_t n, float* maxima);
  // log(sum(exp(x[i]))), numerically safe, accumulated in double.
  double (*log_sum_exp)(const float* x, int64_t n);
};

const FloatOps& float_ops(Isa isa);

}  // namespace fptq::kernels
