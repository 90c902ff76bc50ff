// A row of signed integer codes in the bytes of LinearWeights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fptq {

// Bytes of a row of `cols` codes of `bits` bits: whole 32-bit words.
inline int64_t packed_row_bytes(int64_t cols, int bits = 4) {
  return (cols * bits + 31) / 32 * 4;
}

// 3 and 4 bits: code + 2^(bits-1), one behind the other from the lowest bit of the first byte on, zeros up to
// packed_row_bytes(). 8 bits: two's complement, a byte each. This is the order of compressed-tensors'
// `weight_packed`, whose words are little-endian.
void write_code_row(std::span<const int8_t> codes, int bits, std::byte* row);
// codes[c] = code of column begin + c.
void read_code_row(const std::byte* row, int bits, int64_t begin, std::span<int8_t> codes);

}  // namespace fptq
