// Coordinate descent on the codes of one row (Behdin et al., QuantEase, arXiv 2309.01885; Zhang et al., COMQ,
// arXiv 2403.07134): each weight in turn goes to the code that is best while all others stay.
#pragma once

#include <span>

#include "quant/curvature.h"
#include "quant/grid.h"

namespace fptq {

// One row in the making. Errors are decoded minus original weights, `gradient` = moment * errors; all have
// one value per column.
struct RowState {
  std::span<int8_t> codes;
  std::span<GroupGrid> grids;  // one for every `group_size` columns
  std::span<float> errors;
  std::span<float> gradient;
};

// One pass over all codes, then each scale to what fits its codes best (rounded to `scale_dtype`). The row's
// loss, errors . gradient, does not grow. False when nothing changed.
bool descend(const Curvature& curvature, int bits, int64_t group_size, DType scale_dtype,
             const RowState& row);

}  // namespace fptq
