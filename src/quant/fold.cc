#include "quant/fold.h"

#include <fmt/format.h>

#include <cmath>

#include "fptq/error.h"
#include "quant/grid.h"

namespace fptq {

Tensor fold_norm(const Tensor& gamma, std::span<const float> scales, DType dtype, const std::string& where) {
  AlignedBuffer<float> folded = gamma.to_floats();
  for (size_t j = 0; j < scales.size(); ++j) folded[j] /= scales[j];
  for (size_t j = 0; j < folded.size(); ++j) {
    if (std::isfinite(round_to_dtype(folded[j], dtype))) continue;
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("element {} is {}{}, expected a finite number of type {}", j, folded[j],
                            scales.empty() ? "" : " after equalization", dtype_info(dtype).name));
  }
  return Tensor::from_floats(gamma.shape(), folded);
}

}  // namespace fptq
