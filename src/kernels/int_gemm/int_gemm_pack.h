// Packing of int_gemm weights, offline and in ordinary code.
#pragma once

#include "base/aligned_buffer.h"
#include "kernels/int_gemm/int_gemm.h"
#include "kernels/int_gemm/int_gemm_tiles.h"

namespace fptq::kernels {

class PackedTiles : public PackedInt {
 public:
  // Throws Error(kBadModel) when a group is so long that its dot product may leave int32.
  PackedTiles(const LinearWeights& weights, const IntKernel& kernel);

  int64_t rows() const override { return tiles_.columns; }
  int64_t cols() const override { return cols_; }
  size_t bytes() const override;

  const IntKernel& kernel() const { return kernel_; }
  const IntLayout& layout() const { return tiles_.bits == 4 ? kernel_.four_bits : kernel_.eight_bits; }
  const IntTiles& tiles() const { return tiles_; }
  int64_t group_size() const { return group_size_; }

 private:
  void pack_row(int64_t row, const uint8_t* codes);

  const IntKernel& kernel_;
  int64_t cols_;
  int64_t group_size_;
  IntTiles tiles_{};
  AlignedBuffer<uint8_t> codes_;
  AlignedBuffer<float> scales_;
  AlignedBuffer<int32_t> offsets_;
  AlignedBuffer<int32_t> sums_;
  AlignedBuffer<float> bias_;
};

}  // namespace fptq::kernels
