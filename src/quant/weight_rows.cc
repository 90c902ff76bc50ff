#include "quant/weight_rows.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "fptq/error.h"

namespace fptq {
namespace {

// Tests exponents rather than calling isfinite() with an early exit, so that it vectorizes.
bool all_finite(const float* x, int64_t n) {
  constexpr uint32_t kExponent = 0x7f800000u;
  uint32_t bad = 0;
  for (int64_t i = 0; i < n; ++i) bad |= (std::bit_cast<uint32_t>(x[i]) & kExponent) == kExponent ? 1u : 0u;
  return bad == 0;
}

}  // namespace

void WeightRows::read(int64_t r, float* dst) const {
  weights_.decode_row(r, dst);
  for (size_t j = 0; j < column_scale_.size(); ++j) dst[j] *= column_scale_[j];
  if (all_finite(dst, weights_.cols)) return;
  int64_t j = 0;
  while (std::isfinite(dst[j])) ++j;
  throw Error(ErrorKind::kBadModel, where_,
              fmt::format("row {}, column {} is {}{}, expected a finite number", r, j, dst[j],
                          column_scale_.empty() ? "" : " after equalization"));
}

}  // namespace fptq
