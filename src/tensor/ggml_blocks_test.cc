#include "tensor/ggml_blocks.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "expect_error.h"

namespace fptq {
namespace {

// testdata/ggml_blocks.bin, written by testdata/make_ggml_blocks.py with PyPI's gguf package.
struct Golden {
  DType dtype;
  std::vector<std::byte> blocks;
  std::vector<float> floats;
};

std::vector<Golden> read_golden() {
  std::ifstream file(FPTQ_SOURCE_DIR "/src/tensor/testdata/ggml_blocks.bin", std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  std::vector<Golden> golden;
  size_t at = 0;
  for (const DType dtype : {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1, DType::kQ8_0,
                            DType::kQ4_K, DType::kQ5_K, DType::kQ6_K}) {
    const DTypeInfo& info = dtype_info(dtype);
    const size_t count = info.block_size == 32 ? 8 : 3;
    Golden g{dtype, std::vector<std::byte>(count * info.block_bytes),
             std::vector<float>(count * static_cast<size_t>(info.block_size))};
    const size_t floats_at = at + g.blocks.size(), end = floats_at + g.floats.size() * sizeof(float);
    if (end > all.size()) return {};
    std::memcpy(g.blocks.data(), all.data() + at, g.blocks.size());
    std::memcpy(g.floats.data(), all.data() + floats_at, end - floats_at);
    at = end;
    golden.push_back(std::move(g));
  }
  EXPECT_EQ(at, all.size());
  return golden;
}

TEST(GgmlBlocks, EqualTheGgufPackageBitForBit) {
  const std::vector<Golden> golden = read_golden();
  ASSERT_EQ(golden.size(), 8u);
  for (const Golden& g : golden) {
    std::vector<float> got(g.floats.size());
    decode_row(g.dtype, g.blocks.data(), got.data(), static_cast<int64_t>(got.size()));
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(std::bit_cast<uint32_t>(got[i]), std::bit_cast<uint32_t>(g.floats[i]))
          << dtype_info(g.dtype).name << " element " << i << ": " << got[i] << " instead of " << g.floats[i];
    }
  }
}

TEST(GgmlBlocks, SourceMayBeUnaligned) {
  for (const Golden& g : read_golden()) {
    std::vector<std::byte> shifted(1);
    shifted.insert(shifted.end(), g.blocks.begin(), g.blocks.end());
    std::vector<float> got(g.floats.size());
    decode_row(g.dtype, shifted.data() + 1, got.data(), static_cast<int64_t>(got.size()));
    EXPECT_EQ(got, g.floats);
  }
}

TEST(GgmlBlocks, RefusesPartOfABlockAndPlainTypes) {
  const std::byte bytes[64] = {};
  float out[64];
  expect_error(ErrorKind::kFailure, {"31 elements", "Q8_0"},
               [&] { decode_ggml_blocks(DType::kQ8_0, bytes, out, 31); });
  expect_error(ErrorKind::kFailure, {"F32 is not a block type"},
               [&] { decode_ggml_blocks(DType::kF32, bytes, out, 4); });
}

}  // namespace
}  // namespace fptq
