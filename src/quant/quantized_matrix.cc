#include "quant/quantized_matrix.h"

#include <vector>

#include "quant/scale_error.h"
#include "tensor/code_row.h"

namespace fptq {

QuantizedMatrix::QuantizedMatrix(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype)
    : scale_dtype_(scale_dtype), where_(weights.where()) {
  LinearWeights& q = result_;
  q.rows = weights.rows();
  q.cols = weights.cols();
  q.spec = spec;
  q.bias = weights.bias();
  const bool plain = spec.bits == 8;
  q.codes = Tensor::allocate(plain ? DType::kI8 : DType::kU8,
                             {q.rows, plain ? q.cols : packed_row_bytes(q.cols, spec.bits)}, &codes_);
  q.scales = Tensor::allocate(scale_dtype, {q.rows, q.groups()}, &scales_);
  if (!spec.symmetric) q.zero_points = Tensor::allocate(DType::kI8, {q.rows, q.groups()}, &zeros_);
}

void QuantizedMatrix::put_row(int64_t r, std::span<const int8_t> codes, std::span<const GroupGrid> grids) {
  const int64_t count = groups(), size = group_size();
  std::vector<float> scales(grids.size());
  for (int64_t g = 0; g < count; ++g) {
    const GroupGrid& grid = grids[static_cast<size_t>(g)];
    expect_storable(grid.scale, scale_dtype_, where_, r, g * size, size);
    scales[static_cast<size_t>(g)] = grid.scale;
    if (zeros_ != nullptr) zeros_[r * count + g] = static_cast<std::byte>(grid.zero);
  }
  const size_t scale_bytes = dtype_info(scale_dtype_).block_bytes;
  encode_row(scale_dtype_, scales.data(), scales_ + static_cast<size_t>(r * count) * scale_bytes, count);
  write_code_row(codes, result_.spec.bits,
                 codes_ + static_cast<size_t>(r) * result_.codes.view().row_bytes());
}

}  // namespace fptq
