// Packing of int_gemm weights, offline and in ordinary code.
#pragma once

#include "base/aligned_buffer.h"
#include "kernels/int_gemm/int_gemm.h"
#include "kernels/int_gemm/int_gemm_tiles.h"

namespace fptq::kernels {

// Where the parts of a layer's image lie, in bytes; each begins at a multiple of 64.
struct IntImage {
  int64_t panels, groups, group_inputs, group_bytes;
  size_t codes, scales, zeros, sums, bias, end;
};

IntImage int_image(const PackedIntShape& shape, const IntKernel& kernel);

class PackedTiles : public PackedInt {
 public:
  // Packs. Throws Error(kBadModel) when a group is so long that its dot product may leave int32.
  PackedTiles(const LinearWeights& weights, const IntKernel& kernel);
  // Looks at an image that lies elsewhere.
  PackedTiles(const PackedIntShape& shape, const std::byte* image, const IntKernel& kernel);

  int64_t rows() const override { return shape_.rows; }
  int64_t cols() const override { return shape_.cols; }
  const IntInputLayout& input() const override { return input_; }
  std::span<const std::byte> image() const override { return {owned_.data(), owned_.size()}; }
  size_t resident_bytes() const override { return owned_.size(); }

  const IntKernel& kernel() const { return kernel_; }
  const IntLayout& layout() const { return shape_.spec.bits == 4 ? kernel_.four_bits : kernel_.eight_bits; }
  const IntTiles& tiles() const { return tiles_; }

 private:
  PackedTiles(const PackedIntShape& shape, const IntKernel& kernel);
  void look_at(const std::byte* image);
  void pack_panel(const LinearWeights& weights, int64_t panel, std::byte* image) const;

  const IntKernel& kernel_;
  PackedIntShape shape_;
  IntImage parts_;
  IntInputLayout input_;
  IntTiles tiles_{};
  AlignedBuffer<std::byte> owned_;
};

}  // namespace fptq::kernels
