#include "quant/learned_rounding/grid_ops.h"

#include <cmath>

#include "base/each_isa.h"

namespace fptq {
namespace {

constexpr int kLanes = 16;
// Adding and subtracting 1.5 * 2^23 rounds any |x| < 2^22 half to even, in code that vectorizes everywhere.
constexpr float kRounder = 12582912.0f;

inline __attribute__((always_inline)) float round_even(float x) {
  return (x + kRounder) - kRounder;
}
inline __attribute__((always_inline)) float clamp_to(const GridSpan& grid, float x) {
  const float low = x < grid.lowest ? grid.lowest : x;
  return low > grid.highest ? grid.highest : low;
}

}  // namespace

FPTQ_EACH_ISA void to_grid(const GridSpan& codes, float zero, const float* x, int64_t n, float* y) {
  const GridSpan g = codes;
  for (int64_t i = 0; i < n; ++i) y[i] = (round_even(clamp_to(g, x[i] / g.scale + zero)) - zero) * g.scale;
}

FPTQ_EACH_ISA void stop_beyond_grid(const GridSpan& codes, float zero, const float* x, int64_t n,
                                    float* gradient) {
  const GridSpan g = codes;
  for (int64_t i = 0; i < n; ++i) {
    const float value = x[i] / g.scale + zero;
    gradient[i] = value < g.lowest || value > g.highest ? 0.0f : gradient[i];
  }
}

FPTQ_EACH_ISA void to_grid_with_offsets(const GridSpan& grid, const float* w, const float* offset, int64_t n,
                                        float* y) {
  const GridSpan g = grid;
  for (int64_t i = 0; i < n; ++i) y[i] = clamp_to(g, round_even(w[i] / g.scale + offset[i])) * g.scale;
}

FPTQ_EACH_ISA void code_with_offsets(const GridSpan& grid, int zero, const float* w, const float* offset,
                                     int64_t n, int8_t* code) {
  const GridSpan g = grid;
  for (int64_t i = 0; i < n; ++i) {
    code[i] =
        static_cast<int8_t>(static_cast<int>(clamp_to(g, round_even(w[i] / g.scale + offset[i]))) + zero);
  }
}

FPTQ_EACH_ISA GridGradient step_offsets(const GridSpan& grid, const float* w, const float* gradient, float by,
                                        int64_t n, float* offset) {
  const GridSpan g = grid;
  const float move = std::copysign(by, g.scale);
  float by_scale[kLanes] = {}, clamped[kLanes] = {};
  const auto step = [&](int64_t i, int lane) __attribute__((always_inline)) {
    const float x = w[i] / g.scale, rounded = round_even(x + offset[i]), code = clamp_to(g, rounded);
    const float slope = gradient[i], up = slope > 0.0f ? move : 0.0f, down = slope < 0.0f ? move : 0.0f;
    const float free = code == rounded ? 1.0f : 0.0f;
    offset[i] -= free * (up - down);
    // y = scale * round(w / scale + offset) has the derivative round(..) - w / scale where the code is free,
    // and y = scale * (limit - zero) the derivatives limit - zero and -scale where it is not.
    by_scale[lane] += slope * (code - free * x);
    clamped[lane] += slope * (1.0f - free);
  };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) step(i + l, l);
  }
  for (int l = 0; i < n; ++i, ++l) step(i, l);
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) {
      by_scale[l] += by_scale[l + half];
      clamped[l] += clamped[l + half];
    }
  }
  return {by_scale[0], -g.scale * clamped[0]};
}

}  // namespace fptq
