#include "quant/quantized_matrix.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "fptq/error.h"

namespace fptq {
namespace {

// Two codes a byte, the even column low, each plus 8; the padding behind the last column stays 0.
void pack_nibbles(std::span<const int8_t> codes, std::byte* dst) {
  std::memset(dst, 0, static_cast<size_t>(packed_row_bytes(static_cast<int64_t>(codes.size()))));
  for (size_t c = 0; c < codes.size(); ++c) {
    dst[c / 2] |= static_cast<std::byte>((codes[c] + 8) << (4 * (c % 2)));
  }
}

}  // namespace

QuantizedMatrix::QuantizedMatrix(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype)
    : scale_dtype_(scale_dtype), where_(weights.where()) {
  LinearWeights& q = result_;
  q.rows = weights.rows();
  q.cols = weights.cols();
  q.spec = spec;
  q.bias = weights.bias();
  const Shape packed = spec.bits == 4 ? Shape{q.rows, packed_row_bytes(q.cols)} : Shape{q.rows, q.cols};
  q.codes = Tensor::allocate(spec.bits == 4 ? DType::kU8 : DType::kI8, packed, &codes_);
  q.scales = Tensor::allocate(scale_dtype, {q.rows, q.groups()}, &scales_);
  if (!spec.symmetric) q.zero_points = Tensor::allocate(DType::kI8, {q.rows, q.groups()}, &zeros_);
}

void QuantizedMatrix::put_row(int64_t r, std::span<const int8_t> codes, std::span<const GroupGrid> grids) {
  const int64_t count = groups(), size = group_size();
  std::vector<float> scales(grids.size());
  for (int64_t g = 0; g < count; ++g) {
    const GroupGrid& grid = grids[static_cast<size_t>(g)];
    if (!std::isfinite(grid.scale)) {
      throw Error(ErrorKind::kBadModel, where_,
                  fmt::format("row {}, columns {} to {}: the scale exceeds {}", r, g * size,
                              (g + 1) * size - 1, dtype_info(scale_dtype_).name),
                  "try --dtype f32");
    }
    scales[static_cast<size_t>(g)] = grid.scale;
    if (zeros_ != nullptr) zeros_[r * count + g] = static_cast<std::byte>(grid.zero);
  }
  const size_t scale_bytes = dtype_info(scale_dtype_).block_bytes;
  encode_row(scale_dtype_, scales.data(), scales_ + static_cast<size_t>(r * count) * scale_bytes, count);
  std::byte* dst = codes_ + static_cast<size_t>(r) * result_.codes.view().row_bytes();
  if (result_.spec.bits == 4) {
    pack_nibbles(codes, dst);
  } else {
    std::memcpy(dst, codes.data(), codes.size());
  }
}

}  // namespace fptq
