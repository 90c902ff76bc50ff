#include "formats/finite.h"

#include <fmt/format.h>

#include <cstring>

#include "fptq/error.h"

namespace fptq {
namespace {

constexpr size_t kChunk = 4096;

template <typename T>
T load(const std::byte* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// Index of the first element whose exponent bits are all set, or -1. A chunk is first judged as a whole, in a
// loop without branches that vectorizes.
template <typename T>
int64_t first_not_finite(std::span<const std::byte> bytes, T exponent) {
  const size_t n = bytes.size() / sizeof(T);
  for (size_t begin = 0; begin < n; begin += kChunk) {
    const size_t end = std::min(begin + kChunk, n);
    T found = 0;
    for (size_t i = begin; i < end; ++i) {
      found |= static_cast<T>((load<T>(bytes.data() + i * sizeof(T)) & exponent) == exponent);
    }
    if (found == 0) continue;
    for (size_t i = begin; i < end; ++i) {
      if ((load<T>(bytes.data() + i * sizeof(T)) & exponent) == exponent) return static_cast<int64_t>(i);
    }
  }
  return -1;
}

// Where a block keeps its F16 scales.
struct BlockScales {
  size_t offset;
  size_t count;
};

BlockScales block_scales(DType dtype) {
  switch (dtype) {
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ6_K:
      return {208, 1};
    default:
      return {0, 1};
  }
}

int64_t first_block_not_finite(const Tensor& t) {
  const size_t block = dtype_info(t.dtype()).block_bytes;
  const BlockScales scales = block_scales(t.dtype());
  const std::byte* data = t.bytes().data();
  for (size_t b = 0; b < t.bytes().size() / block; ++b) {
    for (size_t i = 0; i < scales.count; ++i) {
      if ((load<uint16_t>(data + b * block + scales.offset + 2 * i) & 0x7c00u) == 0x7c00u)
        return static_cast<int64_t>(b);
    }
  }
  return -1;
}

}  // namespace

void check_finite(const Tensor& t, const std::string& where) {
  int64_t at = -1;
  switch (t.dtype()) {
    case DType::kF32:
      at = first_not_finite<uint32_t>(t.bytes(), 0x7f800000u);
      break;
    case DType::kF16:
      at = first_not_finite<uint16_t>(t.bytes(), 0x7c00u);
      break;
    case DType::kBF16:
      at = first_not_finite<uint16_t>(t.bytes(), 0x7f80u);
      break;
    default:
      at = first_block_not_finite(t);
  }
  if (at >= 0) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("{} {} is not a finite number",
                            dtype_info(t.dtype()).block_size > 1 ? "the scale of block" : "element", at));
  }
}

}  // namespace fptq
