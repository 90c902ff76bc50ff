#include "tensor/code_row.h"

#include <cstring>

namespace fptq {

void write_code_row(std::span<const int8_t> codes, int bits, std::byte* row) {
  if (bits == 8) {
    std::memcpy(row, codes.data(), codes.size());
    return;
  }
  std::memset(row, 0, static_cast<size_t>(packed_row_bytes(std::ssize(codes), bits)));
  const int offset = 1 << (bits - 1);
  for (size_t c = 0; c < codes.size(); ++c) {
    const size_t bit = c * static_cast<size_t>(bits), at = bit / 8, shift = bit % 8;
    const auto stored = static_cast<unsigned>(codes[c] + offset) << shift;
    row[at] |= static_cast<std::byte>(stored);
    if (shift + static_cast<size_t>(bits) > 8) row[at + 1] |= static_cast<std::byte>(stored >> 8);
  }
}

void read_code_row(const std::byte* row, int bits, int64_t begin, std::span<int8_t> codes) {
  if (bits == 8) {
    std::memcpy(codes.data(), row + begin, codes.size());
    return;
  }
  if (bits == 4) {
    for (size_t i = 0; i < codes.size(); ++i) {
      const size_t c = static_cast<size_t>(begin) + i;
      codes[i] = static_cast<int8_t>(((static_cast<int>(row[c / 2]) >> (4 * (c % 2))) & 15) - 8);
    }
    return;
  }
  const int offset = 1 << (bits - 1);
  const unsigned mask = (1u << bits) - 1u;
  size_t bit = static_cast<size_t>(begin) * static_cast<size_t>(bits);
  for (int8_t& code : codes) {
    const size_t at = bit / 8, shift = bit % 8;
    auto stored = static_cast<unsigned>(row[at]);
    // A code that crosses into the next byte has one: rows end with whole codes.
    if (shift + static_cast<size_t>(bits) > 8) stored |= static_cast<unsigned>(row[at + 1]) << 8;
    code = static_cast<int8_t>(static_cast<int>((stored >> shift) & mask) - offset);
    bit += static_cast<size_t>(bits);
  }
}

}  // namespace fptq
