#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <vector>

#include "expect_error.h"

namespace fptq {
namespace {

TEST(DType, IsFoundByTheNameThatFilesUse) {
  ASSERT_NE(find_dtype("BF16"), nullptr);
  EXPECT_EQ(find_dtype("BF16")->dtype, DType::kBF16);
  EXPECT_EQ(find_dtype("F8_E4M3")->block_bytes, 1u);
  EXPECT_EQ(find_dtype("Q4_K")->block_size, 256);
  EXPECT_EQ(find_dtype("bf16"), nullptr);
  EXPECT_EQ(find_dtype(""), nullptr);
}

TEST(DType, RowsOfPlainTypesRoundTripFromUnalignedMemory) {
  const std::vector<float> values = {0.0f, -1.5f, 65504.0f, 0x1p-14f, -0.0f};
  for (const DType dtype : {DType::kF32, DType::kF16}) {
    std::vector<std::byte> memory(1 + values.size() * dtype_info(dtype).block_bytes);
    encode_row(dtype, values.data(), memory.data() + 1, 5);
    std::vector<float> back(5);
    decode_row(dtype, memory.data() + 1, back.data(), 5);
    EXPECT_EQ(back, values) << dtype_info(dtype).name;
  }
}

TEST(DType, EncodingRoundsToNearestEven) {
  const float values[] = {1.0f + 0x1p-8f, 1.0f + 0x3p-8f};  // both half way between two bfloat16
  std::byte memory[4];
  encode_row(DType::kBF16, values, memory, 2);
  float back[2];
  decode_row(DType::kBF16, memory, back, 2);
  EXPECT_EQ(back[0], 1.0f);
  EXPECT_EQ(back[1], 1.0f + 0x4p-8f);
}

TEST(DType, IntegersAreNotDecodedToFloat) {
  const std::byte bytes[8] = {};
  float out[1];
  expect_error(ErrorKind::kFailure, {"I64", "cannot be decoded"},
               [&] { decode_row(DType::kI64, bytes, out, 1); });
  std::byte to[8];
  expect_error(ErrorKind::kFailure, {"Q4_0", "cannot encode"}, [&] { encode_row(DType::kQ4_0, out, to, 1); });
}

}  // namespace
}  // namespace fptq
