#include "formats/code_packing.h"

#include <fmt/format.h>

#include <cstring>

#include "fptq/error.h"
#include "tensor/linear_weights.h"

namespace fptq {
namespace {

int8_t code_at(const std::byte* p, int64_t i) {
  return static_cast<int8_t>(p[i]);
}

}  // namespace

Tensor unpack_codes8(const Tensor& words, int64_t cols) {
  std::byte* out = nullptr;
  const int64_t rows = words.view().rows();
  Tensor codes = Tensor::allocate(DType::kI8, {rows, cols}, &out);
  for (int64_t r = 0; r < rows; ++r) {
    const std::byte* in = words.view().row(r);  // little-endian: byte k of a row is element k
    for (int64_t c = 0; c < cols; ++c) out[r * cols + c] = in[c] ^ std::byte{0x80};
  }
  return codes;
}

Tensor pack_codes8(const Tensor& codes) {
  const int64_t rows = codes.shape().front(), cols = codes.shape().back(), words = packed_words(cols, 8);
  std::byte* out = nullptr;
  Tensor packed = Tensor::allocate(DType::kI32, {rows, words}, &out);
  std::memset(out, 0, static_cast<size_t>(rows * words) * 4);
  for (int64_t r = 0; r < rows; ++r) {
    const std::byte* in = codes.view().row(r);
    for (int64_t c = 0; c < cols; ++c) out[r * words * 4 + c] = in[c] ^ std::byte{0x80};
  }
  return packed;
}

Tensor pack_codes4(const Tensor& codes, const std::string& where) {
  const int64_t rows = codes.shape().front(), cols = codes.shape().back(), bytes = packed_row_bytes(cols);
  std::byte* out = nullptr;
  Tensor packed = Tensor::allocate(DType::kU8, {rows, bytes}, &out);
  std::memset(out, 0, static_cast<size_t>(rows * bytes));
  for (int64_t r = 0; r < rows; ++r) {
    const std::byte* in = codes.view().row(r);
    for (int64_t c = 0; c < cols; ++c) {
      const int code = code_at(in, c);
      if (code < -8 || code > 7) {
        throw Error(ErrorKind::kBadModel, where,
                    fmt::format("code {} at [{}, {}] is outside -8..7", code, r, c));
      }
      out[r * bytes + c / 2] |= static_cast<std::byte>((code + 8) << (4 * (c % 2)));
    }
  }
  return packed;
}

Tensor unpack_zero_points(const Tensor& words, int64_t rows, int bits) {
  const int64_t groups = words.shape().back(), per_word = 32 / bits;
  std::byte* out = nullptr;
  Tensor zero_points = Tensor::allocate(DType::kI8, {rows, groups}, &out);
  for (int64_t r = 0; r < rows; ++r) {
    const std::byte* in = words.view().row(r / per_word);
    const int shift = static_cast<int>(r % per_word) * bits;
    for (int64_t g = 0; g < groups; ++g) {
      uint32_t word;
      std::memcpy(&word, in + g * 4, sizeof word);
      const int stored = static_cast<int>((word >> shift) & ((1u << bits) - 1));
      out[r * groups + g] = static_cast<std::byte>(stored - (1 << (bits - 1)));
    }
  }
  return zero_points;
}

Tensor pack_zero_points(const Tensor& zero_points, int bits) {
  const int64_t rows = zero_points.shape().front(), groups = zero_points.shape().back(), per_word = 32 / bits;
  std::byte* out = nullptr;
  const int64_t words = packed_words(rows, bits);
  Tensor packed = Tensor::allocate(DType::kI32, {words, groups}, &out);
  std::memset(out, 0, static_cast<size_t>(words * groups) * 4);
  for (int64_t r = 0; r < rows; ++r) {
    const int shift = static_cast<int>(r % per_word) * bits;
    for (int64_t g = 0; g < groups; ++g) {
      std::byte* at = out + (r / per_word * groups + g) * 4;
      uint32_t word;
      std::memcpy(&word, at, sizeof word);
      const int code = code_at(zero_points.bytes().data(), r * groups + g);
      word |= static_cast<uint32_t>(code + (1 << (bits - 1))) << shift;
      std::memcpy(at, &word, sizeof word);
    }
  }
  return packed;
}

}  // namespace fptq
