#include "tensor/dtype.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/half.h"
#include "fptq/error.h"
#include "tensor/ggml_blocks.h"

namespace fptq {
namespace {

constexpr std::array<DTypeInfo, 23> kTypes = {{
    {DType::kF64, "F64", 1, 8, false},        {DType::kF32, "F32", 1, 4, true},
    {DType::kF16, "F16", 1, 2, true},         {DType::kBF16, "BF16", 1, 2, true},
    {DType::kF8E4M3, "F8_E4M3", 1, 1, false}, {DType::kF8E5M2, "F8_E5M2", 1, 1, false},
    {DType::kI64, "I64", 1, 8, false},        {DType::kI32, "I32", 1, 4, false},
    {DType::kI16, "I16", 1, 2, false},        {DType::kI8, "I8", 1, 1, false},
    {DType::kU64, "U64", 1, 8, false},        {DType::kU32, "U32", 1, 4, false},
    {DType::kU16, "U16", 1, 2, false},        {DType::kU8, "U8", 1, 1, false},
    {DType::kBool, "BOOL", 1, 1, false},      {DType::kQ4_0, "Q4_0", 32, 18, true},
    {DType::kQ4_1, "Q4_1", 32, 20, true},     {DType::kQ5_0, "Q5_0", 32, 22, true},
    {DType::kQ5_1, "Q5_1", 32, 24, true},     {DType::kQ8_0, "Q8_0", 32, 34, true},
    {DType::kQ4_K, "Q4_K", 256, 144, true},   {DType::kQ5_K, "Q5_K", 256, 176, true},
    {DType::kQ6_K, "Q6_K", 256, 210, true},
}};

constexpr bool table_is_in_enum_order() {
  for (size_t i = 0; i < kTypes.size(); ++i) {
    if (static_cast<size_t>(kTypes[i].dtype) != i) return false;
  }
  return true;
}
static_assert(table_is_in_enum_order());

uint16_t load_u16(const std::byte* p) {
  uint16_t v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

}  // namespace

const DTypeInfo& dtype_info(DType dtype) {
  return kTypes[static_cast<size_t>(dtype)];
}

const DTypeInfo* find_dtype(std::string_view name) {
  for (const DTypeInfo& info : kTypes) {
    if (name == info.name) return &info;
  }
  return nullptr;
}

void decode_row(DType dtype, const std::byte* src, float* dst, int64_t n) {
  if (n == 0) return;  // the pointers may be null
  switch (dtype) {
    case DType::kF32:
      std::memcpy(dst, src, static_cast<size_t>(n) * sizeof(float));
      return;
    case DType::kF16:
      for (int64_t i = 0; i < n; ++i) dst[i] = f16_to_float(load_u16(src + 2 * i));
      return;
    case DType::kBF16:
      for (int64_t i = 0; i < n; ++i) dst[i] = bf16_to_float(load_u16(src + 2 * i));
      return;
    default:
      if (dtype_info(dtype).block_size > 1) return decode_ggml_blocks(dtype, src, dst, n);
      throw Error(ErrorKind::kFailure, "tensor",
                  std::string(dtype_info(dtype).name) + " cannot be decoded to float");
  }
}

void encode_row(DType dtype, const float* src, std::byte* dst, int64_t n) {
  if (n == 0) return;
  switch (dtype) {
    case DType::kF32:
      std::memcpy(dst, src, static_cast<size_t>(n) * sizeof(float));
      return;
    case DType::kF16:
    case DType::kBF16:
      for (int64_t i = 0; i < n; ++i) {
        const uint16_t h = dtype == DType::kF16 ? float_to_f16(src[i]) : float_to_bf16(src[i]);
        std::memcpy(dst + 2 * i, &h, sizeof h);
      }
      return;
    default:
      throw Error(ErrorKind::kFailure, "tensor",
                  std::string("cannot encode floats as ") + dtype_info(dtype).name);
  }
}

}  // namespace fptq
