#include "quant/coordinate_descent.h"

#include <algorithm>
#include <cmath>

namespace fptq {
namespace {

void add_scaled(std::span<float> y, float factor, const float* x) {
  for (size_t i = 0; i < y.size(); ++i) y[i] += factor * x[i];
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
    add_scaled(row.gradient, moved, curvature.moment() + j * n);
    changed = true;
  }
  return changed;
}

bool refit_scale(const Curvature& curvature, int64_t first, int64_t count, DType scale_dtype, GroupGrid& grid,
                 const RowState& row) {
  const auto n = static_cast<int64_t>(row.codes.size());
  const auto steps = [&](int64_t j) {
    return static_cast<float>(row.codes[static_cast<size_t>(j)] - grid.zero);
  };
  // The loss as a function of the scale: a parabola.
  double slope = 0, bend = 0;
  for (int64_t i = first; i < first + count; ++i) {
    const float* h = curvature.moment() + i * n;
    float product = 0;
    for (int64_t j = first; j < first + count; ++j) product += h[j] * steps(j);
    bend += static_cast<double>(steps(i)) * product;
    slope += static_cast<double>(steps(i)) * row.gradient[static_cast<size_t>(i)];
  }
  if (!(bend > 0)) return false;
  const float wanted = grid.scale - static_cast<float>(slope / bend);
  const float scale = round_to_dtype(wanted, scale_dtype);
  const double moved = static_cast<double>(scale) - grid.scale;
  if (!(scale >= smallest_scale(scale_dtype)) || !std::isfinite(scale) ||
      !(2 * moved * slope + moved * moved * bend < 0)) {
    return false;
  }
  for (int64_t j = first; j < first + count; ++j) {
    const float change = static_cast<float>(moved) * steps(j);
    if (change == 0.0f) continue;
    row.errors[static_cast<size_t>(j)] += change;
    add_scaled(row.gradient, change, curvature.moment() + j * n);
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
