#include "quant/block_pass/fake_quantize.h"

#include <algorithm>
#include <cmath>

#include "base/float8.h"
#include "quant/block_pass/row_ops.h"
#include "quant/learned_rounding/grid_ops.h"

namespace fptq {
namespace {

// Scale of a token of zeros.
constexpr float kEmptyScale = 0x1p-23f;

struct Grid {
  GridSpan codes;
  float zero = 0.0f;
};

float usable(float scale) {
  return scale > 0.0f ? scale : kEmptyScale;
}

Grid integer_grid(const ActivationSpec& spec, const float* x, int64_t n) {
  const float steps = std::ldexp(1.0f, spec.bits) - 1.0f, lowest = -std::ldexp(1.0f, spec.bits - 1);
  Grid grid = {{1.0f, lowest, lowest + steps}};
  if (spec.mode == ActivationMode::kStaticTensor) {
    grid.codes.scale = spec.scale;
    grid.zero = static_cast<float>(spec.zero_point);
  } else if (spec.symmetric) {
    grid.codes.scale = usable(largest_magnitude(x, n) / (steps / 2.0f));
  } else {
    const auto [least, most] = std::minmax_element(x, x + n);
    const float low = std::min(*least, 0.0f);
    grid.codes.scale = usable((std::max(*most, 0.0f) - low) / steps);
    grid.zero = std::nearbyint(std::clamp(lowest - low / grid.codes.scale, lowest, lowest + steps));
  }
  return grid;
}

float float8_scale(const ActivationSpec& spec, const float* x, int64_t n) {
  return spec.mode == ActivationMode::kStaticTensor ? spec.scale : usable(largest_magnitude(x, n) / kE4M3Max);
}

}  // namespace

void fake_quantize(const ActivationSpec& spec, const float* x, int64_t n, float* y) {
  if (spec.mode == ActivationMode::kFloat) {
    if (y != x) std::copy_n(x, n, y);
  } else if (spec.type == CodeType::kFloat8E4M3) {
    const float scale = float8_scale(spec, x, n);
    for (int64_t i = 0; i < n; ++i) y[i] = e4m3_to_float(float_to_e4m3(x[i] / scale)) * scale;
  } else {
    const Grid grid = integer_grid(spec, x, n);
    to_grid(grid.codes, grid.zero, x, n, y);
  }
}

void fake_quantize_backward(const ActivationSpec& spec, const float* x, int64_t n, float* gradient) {
  if (spec.mode != ActivationMode::kStaticTensor) return;
  if (spec.type == CodeType::kFloat8E4M3) {
    stop_beyond_grid({spec.scale, -kE4M3Max, kE4M3Max}, 0.0f, x, n, gradient);
  } else {
    const Grid grid = integer_grid(spec, x, n);
    stop_beyond_grid(grid.codes, grid.zero, x, n, gradient);
  }
}

}  // namespace fptq
