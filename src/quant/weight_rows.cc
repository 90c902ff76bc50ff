#include "quant/weight_rows.h"

#include <fmt/format.h>

#include <algorithm>
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

WeightRows::WeightRows(const LinearWeights& weights, std::span<const float> column_scale, std::string where,
                       std::span<const float> row_divisor)
    : weights_(weights),
      column_scale_(column_scale),
      row_divisor_(row_divisor),
      bias_(weights.bias),
      where_(std::move(where)) {
  if (!bias_ || row_divisor_.empty()) return;
  AlignedBuffer<float> divided = bias_.to_floats();
  for (size_t r = 0; r < divided.size(); ++r) divided[r] /= row_divisor_[r];
  bias_ = Tensor::from_floats(bias_.shape(), divided);
}

void WeightRows::read(int64_t r, float* dst) const {
  weights_.decode_row(r, dst);
  for (size_t j = 0; j < column_scale_.size(); ++j) dst[j] *= column_scale_[j];
  if (!row_divisor_.empty()) {
    const float divisor = row_divisor_[static_cast<size_t>(r)];
    for (int64_t j = 0; j < weights_.cols; ++j) dst[j] /= divisor;
  }
  if (all_finite(dst, weights_.cols)) return;
  int64_t j = 0;
  while (std::isfinite(dst[j])) ++j;
  throw Error(ErrorKind::kBadModel, where_,
              fmt::format("row {}, column {} is {}{}, expected a finite number", r, j, dst[j],
                          column_scale_.empty() && row_divisor_.empty() ? "" : " after equalization"));
}

std::vector<float> column_maxima(std::span<const WeightRows> matrices) {
  std::vector<float> maxima(static_cast<size_t>(matrices.front().cols()), 0.0f), row(maxima.size());
  for (const WeightRows& w : matrices) {
    for (int64_t r = 0; r < w.rows(); ++r) {
      w.read(r, row.data());
      for (size_t j = 0; j < row.size(); ++j) maxima[j] = std::max(maxima[j], std::fabs(row[j]));
    }
  }
  return maxima;
}

}  // namespace fptq
