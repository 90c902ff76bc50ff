// Integer codes between compressed-tensors' int32 words and the bytes of LinearWeights. In a word the lowest
// bits are the lowest index; codes are stored with 2^(bits-1) added.
#pragma once

#include "tensor/tensor.h"

namespace fptq {

// Words of a row of `count` codes.
inline int64_t packed_words(int64_t count, int bits) {
  return (count * bits + 31) / 32;
}

// What `weight_packed`, I32 [rows, packed_words(cols, bits)], holds in the layout of LinearWeights: its own
// bytes for 3 and 4 bits.
Tensor codes_of_words(const Tensor& words, int64_t cols, int bits);
// I32 [rows, packed_words(cols, 8)] to I8 [rows, cols].
Tensor unpack_codes8(const Tensor& words, int64_t cols);
// I8 [rows, cols] with values of `bits` bits, 3 or 4, to U8 [rows, packed_row_bytes(cols, bits)]; throws
// Error(kBadModel, where) on others.
Tensor pack_codes(const Tensor& codes, int bits, const std::string& where);
// I8 [rows, cols] to I32 [rows, packed_words(cols, 8)].
Tensor pack_codes8(const Tensor& codes);

// Zero points are packed along their first dimension, one behind the other, across the ends of words where
// `bits` does not divide 32: I32 [packed_words(rows, bits), groups] to and from I8
// [rows, groups].
Tensor unpack_zero_points(const Tensor& words, int64_t rows, int bits);
Tensor pack_zero_points(const Tensor& zero_points, int bits);

}  // namespace fptq
