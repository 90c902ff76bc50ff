#include "quant/grid_search.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/each_isa.h"

namespace fptq {
namespace {

constexpr float kRounder = 12582912.0f;  // see grid.cc
constexpr int kRefits = 3;
// Shrunk ranges, both ends together; and for each end on its own.
constexpr std::array kShrinks = {1.0f,   0.975f, 0.95f,  0.925f, 0.9f,  0.875f, 0.85f, 0.825f, 0.8f,
                                 0.775f, 0.75f,  0.725f, 0.7f,   0.65f, 0.6f,   0.55f, 0.5f};
constexpr std::array kEndShrinks = {1.0f, 0.95f, 0.9f, 0.85f, 0.8f, 0.75f, 0.7f, 0.6f};

struct Limits {
  float low, high;  // of code - zero
};

Limits limits_of(const GroupGrid& grid, int bits) {
  const int low = -(1 << (bits - 1)), high = (1 << (bits - 1)) - 1;
  return {static_cast<float>(low - grid.zero), static_cast<float>(high - grid.zero)};
}

// As round_group() rounds, but by a product with 1/scale: candidates are only compared.
inline __attribute__((always_inline)) float steps(float w, float inverse, const Limits& limits) {
  const float x = w * inverse;
  const float clamped = x < limits.low ? limits.low : (x > limits.high ? limits.high : x);
  return (clamped + kRounder) - kRounder;
}

constexpr size_t kLanes = 16;  // sums, so that loops vectorize in a fixed order

// sum of importance * (w' - w)^2
FPTQ_EACH_ISA float sum_errors(const float* w, const float* importance, size_t n, float scale,
                               Limits limits) {
  const float inverse = 1.0f / scale;
  float sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (size_t k = 0; k < kLanes; ++k) {
      const float e = steps(w[i + k], inverse, limits) * scale - w[i + k];
      sums[k] += importance[i + k] * e * e;
    }
  }
  for (size_t k = 0; i < n; ++i, ++k) {
    const float e = steps(w[i], inverse, limits) * scale - w[i];
    sums[k] += importance[i] * e * e;
  }
  for (size_t width = kLanes / 2; width > 0; width /= 2) {
    for (size_t k = 0; k < width; ++k) sums[k] += sums[k + width];
  }
  return sums[0];
}

float error_of(std::span<const float> w, std::span<const float> importance, const GroupGrid& grid, int bits) {
  return sum_errors(w.data(), importance.data(), w.size(), grid.scale, limits_of(grid, bits));
}

// The scale that fits the codes of `grid` best: sum(h w d) / sum(h d d), d = code - zero.
float refitted_scale(std::span<const float> w, std::span<const float> importance, const GroupGrid& grid,
                     int bits) {
  const Limits limits = limits_of(grid, bits);
  const float inverse = 1.0f / grid.scale;
  double above = 0, below = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    const double d = steps(w[i], inverse, limits), h = importance[i];
    above += h * w[i] * d;
    below += h * d * d;
  }
  return below > 0 && above * grid.scale > 0 ? static_cast<float>(above / below) : grid.scale;
}

class Best {
 public:
  Best(std::span<const float> w, std::span<const float> importance, int bits, const GroupGrid& first)
      : w_(w),
        importance_(importance),
        bits_(bits),
        grid_(first),
        error_(error_of(w, importance, first, bits)) {}

  void consider(const GroupGrid& grid) {
    const float error = error_of(w_, importance_, grid, bits_);
    if (error < error_) {
      error_ = error;
      grid_ = grid;
    }
  }
  const GroupGrid& grid() const { return grid_; }

 private:
  std::span<const float> w_, importance_;
  int bits_;
  GroupGrid grid_;
  float error_;
};

}  // namespace

GroupGrid search_group(std::span<const float> w, std::span<const float> importance, int bits, bool symmetric,
                       DType scale_dtype) {
  const GroupGrid whole = fit_group(w, bits, symmetric, scale_dtype);
  if (!std::isfinite(whole.scale)) return whole;
  Best best(w, importance, bits, whole);
  if (symmetric) {
    for (const float shrink : kShrinks) {
      const float scale = shrink * whole.scale;
      best.consider({stored_scale(scale, scale_dtype), 0});
      // The lowest code reaches further than the highest, which matters where there are few.
      if (bits < 8) best.consider({stored_scale(-scale, scale_dtype), 0});
    }
  } else {
    const auto [low_at, high_at] = std::minmax_element(w.begin(), w.end());
    const float low = std::min(*low_at, 0.0f), high = std::max(*high_at, 0.0f);
    const int count = (1 << bits) - 1;
    for (const float low_shrink : kEndShrinks) {
      for (const float high_shrink : kEndShrinks) {
        const float range = high * high_shrink - low * low_shrink;
        if (!(range > 0.0f)) continue;
        GroupGrid grid{stored_scale(range / static_cast<float>(count), scale_dtype), 0};
        const float zero = std::clamp(-low * low_shrink / grid.scale, 0.0f, static_cast<float>(count));
        grid.zero = static_cast<int32_t>(std::nearbyint(zero)) - (1 << (bits - 1));
        best.consider(grid);
      }
    }
  }
  for (int i = 0; i < kRefits; ++i) {
    GroupGrid grid = best.grid();
    grid.scale = stored_scale(refitted_scale(w, importance, grid, bits), scale_dtype);
    best.consider(grid);
  }
  return best.grid();
}

double group_error(std::span<const float> w, std::span<const float> importance, const GroupGrid& grid,
                   int bits) {
  return error_of(w, importance, grid, bits);
}

}  // namespace fptq
