// Quantized activations as int_gemm reads them: made once for an input, read by all layers that share it.
#pragma once

#include <cstdint>

#include "base/aligned_buffer.h"

namespace fptq::kernels {

// Fixed by a kernel, its number of bits and the groups of the weights.
struct IntInputLayout {
  int64_t inputs = 0;        // k
  int64_t group_size = 0;    // divides k
  int64_t group_inputs = 0;  // with padding
  int interleave = 0;        // consecutive inputs that lie together
  int input_bytes = 0;       // 1, or 2 where the kernel multiplies words
  int max_height = 0;        // rows of a tile
  int matrix_from = 0;       // from so many rows on they lie as matrices; 0: never
  int matrix_height = 0;     // rows of a tile then, a multiple of 16; the last one has room for all of them
  int32_t code_bias = 0;     // of the stored weights

  int64_t groups() const { return inputs / group_size; }
  int64_t row_bytes() const { return groups() * group_inputs * input_bytes; }
  bool operator==(const IntInputLayout&) const = default;
};

// Rows come in tiles of equal height, the last one lower. Within a tile:
//   codes [group][group_inputs / interleave][rows of the tile][interleave]
//   codes as matrices [rows / 16][inputs / step][16][step], step = 64, or 32 where groups are no multiples of
//   it starts, pairs [group][rows of the tile]
// starts: -code_bias * sum of the group's codes. pairs: minus that sum as two int16, its low 7 bits and the
// rest, for multiplication by (offset, 128 * offset) with the instructions that multiply pairs of words.
class IntActivations {
 public:
  // Room for `rows` rows; what was in it is lost. `zeros`: rows have zero points.
  void reshape(const IntInputLayout& layout, int64_t rows, bool zeros);

  const IntInputLayout& layout() const { return layout_; }
  int64_t rows() const { return rows_; }
  int64_t height() const { return height_; }
  bool matrix() const { return layout_.matrix_from > 0 && rows_ >= layout_.matrix_from; }
  int64_t tiles() const { return (rows_ + height_ - 1) / height_; }
  int64_t tile_rows(int64_t tile) const;

  // Fills a tile from codes [tile_rows(tile), inputs]. Thread-safe for different tiles.
  void fill(int64_t tile, const int8_t* codes);
  float* scales() { return scales_.data(); }  // [rows], for the caller to set
  int32_t* zeros() { return zeros_.data(); }  // [rows]

  const int8_t* codes(int64_t tile) const { return codes_.data() + tile * height_ * layout_.row_bytes(); }
  const int32_t* starts(int64_t tile) const { return starts_.data() + tile * height_ * layout_.groups(); }
  const int32_t* pairs(int64_t tile) const { return pairs_.data() + tile * height_ * layout_.groups(); }
  const float* scales() const { return scales_.data(); }
  const int32_t* zeros() const { return has_zeros_ ? zeros_.data() : nullptr; }

 private:
  IntInputLayout layout_;
  int64_t rows_ = 0;
  int64_t height_ = 1;
  bool has_zeros_ = false;
  AlignedBuffer<int8_t> codes_;
  AlignedBuffer<int32_t> starts_, pairs_, zeros_;
  AlignedBuffer<float> scales_;
};

}  // namespace fptq::kernels
