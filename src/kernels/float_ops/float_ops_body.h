// The body of float_ops, included by one file per ISA.
#pragma once

#include <math.h>

#include "kernels/float_ops/float_ops.h"
#include "kernels/lanes.h"

namespace fptq::kernels {
namespace {

void rms_norm(const float* x, const float* gamma, float eps, int64_t n, float* y) {
  Lanes squares = lanes_zero();
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) squares = squares + load(x + i) * load(x + i);
  if (i < n) squares = squares + load_first(x + i, n - i) * load_first(x + i, n - i);
  const float factor = 1.0f / __builtin_sqrtf(sum_of_lanes(squares) / (float)n + eps);
  const Lanes f = lanes_of(factor);
  for (i = 0; i + kLanes <= n; i += kLanes) store(y + i, load(x + i) * f * load(gamma + i));
  if (i < n) store_first(y + i, n - i, load_first(x + i, n - i) * f * load_first(gamma + i, n - i));
}

FPTQ_INLINE Lanes silu_times(const Lanes& gate, const Lanes& up) {
  return gate / (lanes_of(1.0f) + exp_lanes(lanes_zero() - gate)) * up;
}

void silu_mul(const float* gate, const float* up, int64_t n, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, silu_times(load(gate + i), load(up + i)));
  if (i < n) store_first(y + i, n - i, silu_times(load_first(gate + i, n - i), load_first(up + i, n - i)));
}

void add(const float* x, int64_t n, float* y) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, load(y + i) + load(x + i));
  for (; i < n; ++i) y[i] += x[i];
}

void rope(float* head, const float* cos, const float* sin, int64_t half) {
  float* second = head + half;
  int64_t i = 0;
  for (; i + kLanes <= half; i += kLanes) {
    const Lanes a = load(head + i), b = load(second + i), c = load(cos + i), s = load(sin + i);
    store(head + i, a * c - b * s);
    store(second + i, b * c + a * s);
  }
  for (; i < half; ++i) {
    const float a = head[i], b = second[i];
    head[i] = a * cos[i] - b * sin[i];
    second[i] = b * cos[i] + a * sin[i];
  }
}

float abs_max(const float* x, int64_t n) {
  Lanes most = lanes_zero();
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) most = max_or_b(magnitude(load(x + i)), most);
  if (i < n) most = max_or_b(magnitude(load_first(x + i, n - i)), most);
  return max_of_lanes(most);
}

void channel_abs_max(const float* x, int64_t n, float* maxima) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(maxima + i, max_or_b(magnitude(load(x + i)), load(maxima + i)));
  if (i < n) {
    store_first(maxima + i, n - i,
                max_or_b(magnitude(load_first(x + i, n - i)), load_first(maxima + i, n - i)));
  }
}

double log_sum_exp(const float* x, int64_t n) {
  if (n <= 0) return -(double)INFINITY;
  Lanes most = lanes_of(x[0]);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) most = max_or_b(load(x + i), most);
  float top = max_of_lanes(most);
  for (; i < n; ++i) top = x[i] > top ? x[i] : top;
  if (top == -INFINITY) return -(double)INFINITY;

  double sums[kLanes] = {};
  float e[kLanes];
  for (i = 0; i + kLanes <= n; i += kLanes) {
    store(e, exp_lanes(load(x + i) - lanes_of(top)));
    for (int l = 0; l < kLanes; ++l) sums[l] += (double)e[l];
  }
  if (i < n) {
    store(e, exp_lanes(load_first(x + i, n - i) - lanes_of(top)));
    for (int l = 0; l < n - i; ++l) sums[l] += (double)e[l];
  }
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) sums[l] += sums[l + half];
  }
  return (double)top + log(sums[0]);
}

constexpr FloatOps kFloatOps = {rms_norm, silu_mul, add, rope, abs_max, channel_abs_max, log_sum_exp};

}  // namespace
}  // namespace fptq::kernels
