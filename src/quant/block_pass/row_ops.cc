#include "quant/block_pass/row_ops.h"

#include <bit>
#include <cmath>

#include "base/each_isa.h"

namespace fptq {
namespace {

#define FPTQ_ALWAYS_INLINE inline __attribute__((always_inline))

constexpr int kLanes = 16;

// The sum of term(i), i = 0 .. n - 1: element i adds to lane i mod 16, lanes then add pairwise.
template <typename Term>
FPTQ_ALWAYS_INLINE float sum_in_lanes(int64_t n, const Term& term) {
  float lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) lanes[l] += term(i + l);
  }
  for (int l = 0; i < n; ++i, ++l) lanes[l] += term(i);
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

// The largest of `least` and all term(i).
template <typename Term>
FPTQ_ALWAYS_INLINE float largest_in_lanes(int64_t n, float least, const Term& term) {
  float lanes[kLanes];
  for (int l = 0; l < kLanes; ++l) lanes[l] = least;
  const auto take = [&](int64_t i, int l) {
    const float x = term(i);
    lanes[l] = x > lanes[l] ? x : lanes[l];
  };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) take(i + l, l);
  }
  for (int l = 0; i < n; ++i, ++l) take(i, l);
  float most = lanes[0];
  for (int l = 1; l < kLanes; ++l) most = lanes[l] > most ? lanes[l] : most;
  return most;
}

// exp(x) as 2^n * e^r, |r| <= ln2 / 2, with the polynomial of Cephes' expf.
FPTQ_ALWAYS_INLINE float exponential(float x0) {
  const float low = x0 < -87.0f ? -87.0f : x0;
  const float x = low > 88.0f ? 88.0f : low;
  constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23: leaves the nearest integer in the low bits
  const float shifted = x * 1.44269504f + kRounder;
  const float n = shifted - kRounder;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float e = 1.0f + (r + (r * r) * p);
  const auto power = (std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRounder) + 127) << 23;
  return e * std::bit_cast<float>(power);
}

FPTQ_ALWAYS_INLINE float sigmoid(float x) {
  return 1.0f / (1.0f + exponential(-x));
}

}  // namespace

FPTQ_EACH_ISA float dot(const float* a, const float* b, int64_t n) {
  return sum_in_lanes(n, [&](int64_t i) { return a[i] * b[i]; });
}

FPTQ_EACH_ISA float rms_norm_factor(const float* x, int64_t n, float eps) {
  const float squares = sum_in_lanes(n, [&](int64_t i) { return x[i] * x[i]; });
  return 1.0f / std::sqrt(squares / static_cast<float>(n) + eps);
}

FPTQ_EACH_ISA void rms_norm(const float* x, const float* gamma, float factor, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * factor * gamma[i];
}

FPTQ_EACH_ISA void rms_norm_backward(const float* x, const float* gamma, float factor, const float* dy,
                                     int64_t n, float* dx) {
  const float along = sum_in_lanes(n, [&](int64_t i) { return dy[i] * gamma[i] * x[i]; });
  const float pull = factor * factor * factor * along / static_cast<float>(n);
  for (int64_t i = 0; i < n; ++i) dx[i] += factor * gamma[i] * dy[i] - pull * x[i];
}

FPTQ_EACH_ISA void silu_mul(const float* gate, const float* up, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = gate[i] * sigmoid(gate[i]) * up[i];
}

FPTQ_EACH_ISA void silu_mul_backward(const float* dy, int64_t n, float* gate, float* up) {
  for (int64_t i = 0; i < n; ++i) {
    const float g = gate[i], s = sigmoid(g);
    gate[i] = dy[i] * up[i] * s * (1.0f + g * (1.0f - s));
    up[i] = dy[i] * g * s;
  }
}

FPTQ_EACH_ISA void rotate(const float* cos, const float* sin, int64_t half, float* head) {
  float* second = head + half;
  for (int64_t i = 0; i < half; ++i) {
    const float a = head[i], b = second[i];
    head[i] = a * cos[i] - b * sin[i];
    second[i] = b * cos[i] + a * sin[i];
  }
}

FPTQ_EACH_ISA void rotate_back(const float* cos, const float* sin, int64_t half, float* head) {
  float* second = head + half;
  for (int64_t i = 0; i < half; ++i) {
    const float a = head[i], b = second[i];
    head[i] = a * cos[i] + b * sin[i];
    second[i] = b * cos[i] - a * sin[i];
  }
}

FPTQ_EACH_ISA void exponentials(float shift, int64_t n, float* x) {
  for (int64_t i = 0; i < n; ++i) x[i] = exponential(x[i] - shift);
}

FPTQ_EACH_ISA float largest(const float* x, int64_t n) {
  return largest_in_lanes(n, x[0], [&](int64_t i) { return x[i]; });
}

FPTQ_EACH_ISA float largest_magnitude(const float* x, int64_t n) {
  return largest_in_lanes(n, 0.0f, [&](int64_t i) { return std::fabs(x[i]); });
}

FPTQ_EACH_ISA float sum_of(const float* x, int64_t n) {
  return sum_in_lanes(n, [&](int64_t i) { return x[i]; });
}

FPTQ_EACH_ISA void scale_by(float factor, int64_t n, float* x) {
  for (int64_t i = 0; i < n; ++i) x[i] *= factor;
}

FPTQ_EACH_ISA void add_to(const float* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] += x[i];
}

FPTQ_EACH_ISA void add_products(const float* a, const float* b, float factor, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] += a[i] * b[i] * factor;
}

FPTQ_EACH_ISA void softmax_backward(const float* p, float mean, float factor, int64_t n, float* dp) {
  for (int64_t i = 0; i < n; ++i) dp[i] = p[i] * (dp[i] - mean) * factor;
}

FPTQ_EACH_ISA float squared_error(const float* target, float factor, int64_t n, float* y) {
  const float error = sum_in_lanes(n, [&](int64_t i) { return (y[i] - target[i]) * (y[i] - target[i]); });
  for (int64_t i = 0; i < n; ++i) y[i] = factor * (y[i] - target[i]);
  return error;
}

}  // namespace fptq
