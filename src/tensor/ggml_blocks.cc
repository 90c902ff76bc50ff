#include "tensor/ggml_blocks.h"

#include <array>
#include <cstring>
#include <string>

#include "base/half.h"
#include "fptq/error.h"

// Every product and difference below rounds where gguf.quants rounds (PyPI's gguf, dequantize_blocks), so
// that the floats are the same to the last bit: scale times code, then plus or minus the offset.

namespace fptq {
namespace {

const uint8_t* as_u8(const std::byte* p) {
  return reinterpret_cast<const uint8_t*>(p);
}

float half_at(const uint8_t* p) {
  return f16_to_float(static_cast<uint16_t>(p[0] | (p[1] << 8)));
}

uint32_t u32_at(const uint8_t* p) {
  uint32_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// Blocks of 32: byte j of the nibbles holds element j low and element j + 16 high.

void decode_q4_0(const uint8_t* block, float* dst) {
  const float d = half_at(block);
  const uint8_t* nibbles = block + 2;
  for (int j = 0; j < 16; ++j) {
    dst[j] = d * static_cast<float>((nibbles[j] & 15) - 8);
    dst[j + 16] = d * static_cast<float>((nibbles[j] >> 4) - 8);
  }
}

void decode_q4_1(const uint8_t* block, float* dst) {
  const float d = half_at(block), offset = half_at(block + 2);
  const uint8_t* nibbles = block + 4;
  for (int j = 0; j < 16; ++j) {
    dst[j] = d * static_cast<float>(nibbles[j] & 15) + offset;
    dst[j + 16] = d * static_cast<float>(nibbles[j] >> 4) + offset;
  }
}

// The fifth bits of all 32 elements are one little-endian word in front of the nibbles.
void unpack_5_bits(const uint8_t* block, int* codes) {
  const uint32_t fifth = u32_at(block);
  const uint8_t* nibbles = block + 4;
  for (int j = 0; j < 16; ++j) {
    codes[j] = (nibbles[j] & 15) | static_cast<int>(((fifth >> j) & 1u) << 4);
    codes[j + 16] = (nibbles[j] >> 4) | static_cast<int>(((fifth >> (j + 16)) & 1u) << 4);
  }
}

void decode_q5_0(const uint8_t* block, float* dst) {
  const float d = half_at(block);
  int codes[32];
  unpack_5_bits(block + 2, codes);
  for (int j = 0; j < 32; ++j) dst[j] = d * static_cast<float>(codes[j] - 16);
}

void decode_q5_1(const uint8_t* block, float* dst) {
  const float d = half_at(block), offset = half_at(block + 2);
  int codes[32];
  unpack_5_bits(block + 4, codes);
  for (int j = 0; j < 32; ++j) dst[j] = d * static_cast<float>(codes[j]) + offset;
}

void decode_q8_0(const uint8_t* block, float* dst) {
  const float d = half_at(block);
  for (int j = 0; j < 32; ++j) dst[j] = static_cast<float>(static_cast<int8_t>(block[2 + j])) * d;
}

// Blocks of 256 ("K"): eight sub-blocks of 32 (Q6_K: sixteen of 16) with scales of their own.

// Scale and offset of the eight sub-blocks, 6 bits each in 12 bytes: bytes 0-3 and 4-7 hold the low six bits
// of the first four scales and offsets; bytes 8-11 the low four bits of the last four, whose two high
// bits sit on top of bytes 0-7.
struct SubBlocks {
  std::array<float, 8> scale, offset;

  explicit SubBlocks(const uint8_t* block) {
    const float d = half_at(block), d_offset = half_at(block + 2);
    const uint8_t* packed = block + 4;
    for (size_t i = 0; i < 4; ++i) {
      const int low_scale = packed[i], low_offset = packed[i + 4], high = packed[i + 8];
      scale[i] = d * static_cast<float>(low_scale & 63);
      offset[i] = d_offset * static_cast<float>(low_offset & 63);
      scale[i + 4] = d * static_cast<float>((high & 15) | ((low_scale >> 6) << 4));
      offset[i + 4] = d_offset * static_cast<float>((high >> 4) | ((low_offset >> 6) << 4));
    }
  }
};

void decode_q4_k(const uint8_t* block, float* dst) {
  const SubBlocks sub(block);
  const uint8_t* nibbles = block + 16;
  for (size_t pair = 0; pair < 4; ++pair, nibbles += 32, dst += 64) {
    for (int j = 0; j < 32; ++j) {
      dst[j] = sub.scale[2 * pair] * static_cast<float>(nibbles[j] & 15) - sub.offset[2 * pair];
      dst[j + 32] = sub.scale[2 * pair + 1] * static_cast<float>(nibbles[j] >> 4) - sub.offset[2 * pair + 1];
    }
  }
}

void decode_q5_k(const uint8_t* block, float* dst) {
  const SubBlocks sub(block);
  const uint8_t* fifth = block + 16;  // bit i of byte j: element j of sub-block i
  const uint8_t* nibbles = block + 48;
  for (size_t i = 0; i < 8; i += 2, nibbles += 32, dst += 64) {
    for (int j = 0; j < 32; ++j) {
      const int low = (nibbles[j] & 15) | (((fifth[j] >> i) & 1) << 4);
      const int high = (nibbles[j] >> 4) | (((fifth[j] >> (i + 1)) & 1) << 4);
      dst[j] = sub.scale[i] * static_cast<float>(low) - sub.offset[i];
      dst[j + 32] = sub.scale[i + 1] * static_cast<float>(high) - sub.offset[i + 1];
    }
  }
}

// Two halves of 128: 64 bytes of low nibbles (elements 0-63 low, 64-127 high) and 32 bytes of upper bit
// pairs (elements j, j + 32, j + 64, j + 96 from the lowest pair up).
void decode_q6_k(const uint8_t* block, float* dst) {
  const uint8_t* nibbles = block;
  const uint8_t* pairs = block + 128;
  const uint8_t* scales = block + 192;
  const float d = half_at(block + 208);
  for (int half = 0; half < 2; ++half, nibbles += 64, pairs += 32, scales += 8, dst += 128) {
    int codes[128];
    for (int j = 0; j < 32; ++j) {
      codes[j] = (nibbles[j] & 15) | ((pairs[j] & 3) << 4);
      codes[j + 32] = (nibbles[j + 32] & 15) | (((pairs[j] >> 2) & 3) << 4);
      codes[j + 64] = (nibbles[j] >> 4) | (((pairs[j] >> 4) & 3) << 4);
      codes[j + 96] = (nibbles[j + 32] >> 4) | ((pairs[j] >> 6) << 4);
    }
    for (int i = 0; i < 8; ++i) {
      const float scale = d * static_cast<float>(static_cast<int8_t>(scales[i]));
      for (int j = 16 * i; j < 16 * (i + 1); ++j) dst[j] = scale * static_cast<float>(codes[j] - 32);
    }
  }
}

template <void (*decode)(const uint8_t*, float*)>
void decode_blocks(DType dtype, const std::byte* src, float* dst, int64_t n) {
  const DTypeInfo& info = dtype_info(dtype);
  for (int64_t i = 0; i < n; i += info.block_size, src += info.block_bytes) decode(as_u8(src), dst + i);
}

}  // namespace

void decode_ggml_blocks(DType dtype, const std::byte* src, float* dst, int64_t n) {
  const DTypeInfo& info = dtype_info(dtype);
  if (n % info.block_size != 0) {
    throw Error(ErrorKind::kFailure, "tensor",
                std::to_string(n) + " elements are not whole " + info.name + " blocks");
  }
  switch (dtype) {
    case DType::kQ4_0:
      return decode_blocks<decode_q4_0>(dtype, src, dst, n);
    case DType::kQ4_1:
      return decode_blocks<decode_q4_1>(dtype, src, dst, n);
    case DType::kQ5_0:
      return decode_blocks<decode_q5_0>(dtype, src, dst, n);
    case DType::kQ5_1:
      return decode_blocks<decode_q5_1>(dtype, src, dst, n);
    case DType::kQ8_0:
      return decode_blocks<decode_q8_0>(dtype, src, dst, n);
    case DType::kQ4_K:
      return decode_blocks<decode_q4_k>(dtype, src, dst, n);
    case DType::kQ5_K:
      return decode_blocks<decode_q5_k>(dtype, src, dst, n);
    case DType::kQ6_K:
      return decode_blocks<decode_q6_k>(dtype, src, dst, n);
    default:
      throw Error(ErrorKind::kFailure, "tensor", std::string(info.name) + " is not a block type");
  }
}

}  // namespace fptq
