// The storage types that checkpoints use, as one table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fptq {

enum class DType : uint8_t {
  kF64,
  kF32,
  kF16,
  kBF16,
  kF8E4M3,
  kF8E5M2,
  kI64,
  kI32,
  kI16,
  kI8,
  kU64,
  kU32,
  kU16,
  kU8,
  kBool,
  // ggml blocks: consecutive elements of a row share their scales
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ4_K,
  kQ5_K,
  kQ6_K,
};

struct DTypeInfo {
  DType dtype;
  const char* name;    // as safetensors or ggml spells it
  int64_t block_size;  // elements of a block; 1 for plain types
  size_t block_bytes;  // bytes of a block
  bool floating;       // rows can be decoded to float by decode_row()
};

const DTypeInfo& dtype_info(DType dtype);
// Null when no type of that name is known.
const DTypeInfo* find_dtype(std::string_view name);

// Decodes `n` elements (a whole number of blocks) of floating type `dtype` at `src` to float. For ggml types
// the arithmetic is that of PyPI's gguf package, bit for bit. `src` need not be aligned. Thread-safe.
void decode_row(DType dtype, const std::byte* src, float* dst, int64_t n);

// Rounds `n` floats to plain type kF32, kF16 or kBF16 (to nearest even).
void encode_row(DType dtype, const float* src, std::byte* dst, int64_t n);

}  // namespace fptq
