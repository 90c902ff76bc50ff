#include "quant/coordinate_descent.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/each_isa.h"

namespace fptq {
namespace {

FPTQ_EACH_ISA void add_scaled(float* y, float factor, const float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] += factor * x[i];
}

// In 16 sums, so that it vectorizes in a fixed order.
FPTQ_EACH_ISA float dot(const float* a, const float* b, size_t n) {
  float sums[16] = {};
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (size_t k = 0; k < 16; ++k) sums[k] += a[i + k] * b[i + k];
  }
  for (size_t k = 0; i < n; ++i, ++k) sums[k] += a[i] * b[i];
  for (size_t width = 8; width > 0; width /= 2) {
    for (size_t k = 0; k < width; ++k) sums[k] += sums[k + width];
  }
  return sums[0];
}

bool move_codes(const Curvature& curvature, int bits, int64_t group_size, const RowState& row) {
  const int lowest = -(1 << (bits - 1)), highest = (1 << (bits - 1)) - 1;
  const auto n = static_cast<int64_t>(row.codes.size());
  bool changed = false;
  for (int64_t j = 0; j < n; ++j) {
    const auto at = static_cast<size_t>(j);
    const GroupGrid& grid = row.grids[static_cast<size_t>(j / group_size)];
    const float steps = -row.gradient[at] / (curvature.diagonal()[at] * grid.scale);
    if (!(std::fabs(steps) > 0.5f)) continue;
    const int code = static_cast<int>(std::clamp(std::nearbyint(static_cast<float>(row.codes[at]) + steps),
                                                 static_cast<float>(lowest), static_cast<float>(highest)));
    const float moved = static_cast<float>(code - row.codes[at]) * grid.scale;
    if (moved == 0.0f) continue;
    row.codes[at] = static_cast<int8_t>(code);
    row.errors[at] += moved;
    add_scaled(row.gradient.data(), moved, curvature.moment() + j * n, row.gradient.size());
    changed = true;
  }
  return changed;
}

bool refit_scale(const Curvature& curvature, int64_t first, int64_t count, DType scale_dtype, GroupGrid& grid,
                 const RowState& row) {
  const auto n = static_cast<int64_t>(row.codes.size());
  std::vector<float> steps;
  for (int64_t j = first; j < first + count; ++j) {
    steps.push_back(static_cast<float>(row.codes[static_cast<size_t>(j)] - grid.zero));
  }
  // The loss as a function of the scale: a parabola.
  double slope = 0, bend = 0;
  for (int64_t i = 0; i < count; ++i) {
    const float step = steps[static_cast<size_t>(i)];
    bend += static_cast<double>(step) *
            dot(curvature.moment() + (first + i) * n + first, steps.data(), static_cast<size_t>(count));
    slope += static_cast<double>(step) * row.gradient[static_cast<size_t>(first + i)];
  }
  if (!(bend > 0)) return false;
  const float wanted = grid.scale - static_cast<float>(slope / bend);
  const float scale = round_to_dtype(wanted, scale_dtype);
  const double moved = static_cast<double>(scale) - grid.scale;
  if (!(std::fabs(scale) >= smallest_scale(scale_dtype)) || !std::isfinite(scale) ||
      !(2 * moved * slope + moved * moved * bend < 0)) {
    return false;
  }
  for (int64_t j = first; j < first + count; ++j) {
    const float change = static_cast<float>(moved) * steps[static_cast<size_t>(j - first)];
    if (change == 0.0f) continue;
    row.errors[static_cast<size_t>(j)] += change;
    add_scaled(row.gradient.data(), change, curvature.moment() + j * n, row.gradient.size());
  }
  grid.scale = scale;
  return true;
}

}  // namespace

bool descend(const Curvature& curvature, int bits, int64_t group_size, DType scale_dtype,
             const RowState& row) {
  bool changed = move_codes(curvature, bits, group_size, row);
  const auto n = static_cast<int64_t>(row.codes.size());
  for (int64_t first = 0; first < n; first += group_size) {
    changed |= refit_scale(curvature, first, std::min(group_size, n - first), scale_dtype,
                           row.grids[static_cast<size_t>(first / group_size)], row);
  }
  return changed;
}

}  // namespace fptq
