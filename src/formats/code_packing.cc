#include "formats/code_packing.h"

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "fptq/error.h"
#include "tensor/code_row.h"

namespace fptq {

Tensor codes_of_words(const Tensor& words, int64_t cols, int bits) {
  if (bits == 8) return unpack_codes8(words, cols);
  TensorView view = words.view();
  view.dtype = DType::kU8;
  view.shape = {words.view().rows(), packed_row_bytes(cols, bits)};
  return Tensor(std::move(view), std::make_shared<const Tensor>(words));
}

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

Tensor pack_codes(const Tensor& codes, int bits, const std::string& where) {
  const int64_t rows = codes.shape().front(), cols = codes.shape().back(),
                bytes = packed_row_bytes(cols, bits);
  const int low = -(1 << (bits - 1)), high = (1 << (bits - 1)) - 1;
  std::byte* out = nullptr;
  Tensor packed = Tensor::allocate(DType::kU8, {rows, bytes}, &out);
  for (int64_t r = 0; r < rows; ++r) {
    const std::span row(reinterpret_cast<const int8_t*>(codes.view().row(r)), static_cast<size_t>(cols));
    for (size_t c = 0; c < row.size(); ++c) {
      if (row[c] < low || row[c] > high) {
        throw Error(ErrorKind::kBadModel, where,
                    fmt::format("code {} at [{}, {}] is outside {}..{}", row[c], r, c, low, high));
      }
    }
    write_code_row(row, bits, out + r * bytes);
  }
  return packed;
}

// A column of zero points lies in its words as a row of codes lies in its bytes; 8-bit ones with an offset,
// too, which a row of codes has not.
Tensor unpack_zero_points(const Tensor& words, int64_t rows, int bits) {
  const int64_t groups = words.shape().back();
  std::byte* out = nullptr;
  Tensor zero_points = Tensor::allocate(DType::kI8, {rows, groups}, &out);
  std::vector<std::byte> column(static_cast<size_t>(words.view().rows()) * 4);
  std::vector<int8_t> codes(static_cast<size_t>(rows));
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t w = 0; w < words.view().rows(); ++w)
      std::memcpy(column.data() + w * 4, words.view().row(w) + g * 4, 4);
    read_code_row(column.data(), bits, 0, codes);
    for (int64_t r = 0; r < rows; ++r) {
      const auto code = static_cast<std::byte>(codes[static_cast<size_t>(r)]);
      out[r * groups + g] = bits == 8 ? code ^ std::byte{0x80} : code;
    }
  }
  return zero_points;
}

Tensor pack_zero_points(const Tensor& zero_points, int bits) {
  const int64_t rows = zero_points.shape().front(), groups = zero_points.shape().back();
  std::byte* out = nullptr;
  const int64_t words = packed_words(rows, bits);
  Tensor packed = Tensor::allocate(DType::kI32, {words, groups}, &out);
  std::vector<std::byte> column(static_cast<size_t>(words) * 4);
  std::vector<int8_t> codes(static_cast<size_t>(rows));
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t r = 0; r < rows; ++r) {
      const std::byte code = zero_points.bytes()[static_cast<size_t>(r * groups + g)];
      codes[static_cast<size_t>(r)] = static_cast<int8_t>(bits == 8 ? code ^ std::byte{0x80} : code);
    }
    write_code_row(codes, bits, column.data());
    for (int64_t w = 0; w < words; ++w) std::memcpy(out + (w * groups + g) * 4, column.data() + w * 4, 4);
  }
  return packed;
}

}  // namespace fptq
