// The two ends of the grid that each group of a quantized matrix is rounded to.
#pragma once

#include <cstdint>

#include "tensor/linear_weights.h"

namespace fptq {

struct GroupEnds {
  float scale = 0;
  // A weight beyond these rounds to a code that there is none for: half a step beyond the last numbers.
  float low = 0, high = 0;
};

// Of the group that holds weight `r`, `c` of a matrix that is not dense.
GroupEnds group_ends(const LinearWeights& w, int64_t r, int64_t c);

}  // namespace fptq
