#include "backend/cpu/round_activations.h"

#include <algorithm>
#include <cmath>

#include "base/float8.h"

namespace fptq {
namespace {

constexpr float kEpsilon = 0x1p-23f;
// Adding and subtracting 1.5 * 2^23 rounds half to even, in code that vectorizes.
constexpr float kRounder = 12582912.0f;

float round_even(float x) {
  return (x + kRounder) - kRounder;
}

struct Grid {
  float scale = 1.0f;
  float zero = 0.0f;
};

float greatest_magnitude(const float* x, int64_t n) {
  float most = 0.0f;
  for (int64_t i = 0; i < n; ++i) most = std::max(most, std::fabs(x[i]));
  return most;
}

float or_epsilon(float scale) {
  return scale > 0.0f ? scale : kEpsilon;
}

Grid token_grid(const ActivationSpec& spec, const float* x, int64_t n) {
  if (spec.type == CodeType::kFloat8E4M3) return {or_epsilon(greatest_magnitude(x, n) / kE4M3Max), 0.0f};
  const auto steps = static_cast<float>((1 << spec.bits) - 1);
  if (spec.symmetric) return {or_epsilon(greatest_magnitude(x, n) / (steps / 2.0f)), 0.0f};
  float low = 0.0f, high = 0.0f;
  for (int64_t i = 0; i < n; ++i) {
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
  }
  const float scale = or_epsilon((high - low) / steps), least = -(steps + 1.0f) / 2.0f;
  return {scale, round_even(std::clamp(least - low / scale, least, least + steps))};
}

}  // namespace

void round_activations(const ActivationSpec& spec, const float* x, int64_t n, float* y) {
  const bool fixed = spec.mode == ActivationMode::kStaticTensor;
  const Grid grid = fixed ? Grid{spec.scale, static_cast<float>(spec.symmetric ? 0 : spec.zero_point)}
                          : token_grid(spec, x, n);
  const float scale = grid.scale, zero = grid.zero;
  if (spec.type == CodeType::kFloat8E4M3) {
    for (int64_t i = 0; i < n; ++i) y[i] = e4m3_to_float(float_to_e4m3(x[i] / scale)) * scale;
    return;
  }
  const auto low = static_cast<float>(-(1 << (spec.bits - 1))),
             high = static_cast<float>((1 << (spec.bits - 1)) - 1);
  for (int64_t i = 0; i < n; ++i) {
    const float value = x[i] / scale + zero;
    const float clamped = value < low ? low : (value > high ? high : value);
    y[i] = (round_even(clamped) - zero) * scale;
  }
}

}  // namespace fptq
