// The grid of one group by search: a smaller range clips the largest weights and rounds all others more
// finely.
#pragma once

#include <span>

#include "quant/grid.h"

namespace fptq {

// The grid with the least sum of importance_j * (w_j - w'_j)^2 among ranges shrunk from that of fit_group()
// to half of it (both ends on their own where there is a zero point; else with scales of either sign), its
// scale then refitted to the codes it gives. Never worse than fit_group() by that measure. `importance` has a
// value >= 0 for each of the finite `w`: the diagonal of an input's second moment, or all ones for the plain
// squared error.
GroupGrid search_group(std::span<const float> w, std::span<const float> importance, int bits, bool symmetric,
                       DType scale_dtype);

// Sum of importance_j * (w_j - w'_j)^2 of `w` rounded to `grid`.
double group_error(std::span<const float> w, std::span<const float> importance, const GroupGrid& grid,
                   int bits);

}  // namespace fptq
