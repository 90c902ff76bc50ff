#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace fptq {
namespace {

TEST(StorageBytes, MultipliesAndChecks) {
  EXPECT_EQ(storage_bytes(DType::kBF16, {3, 5}, "t"), 30u);
  EXPECT_EQ(storage_bytes(DType::kF32, {}, "t"), 4u);
  EXPECT_EQ(storage_bytes(DType::kF32, {7, 0, 3}, "t"), 0u);
  EXPECT_EQ(storage_bytes(DType::kQ4_1, {2, 64}, "t"), 2u * 2 * 20);
  expect_error(ErrorKind::kBadModel, {"f:t", "overflows"}, [] {
    storage_bytes(DType::kU8, {int64_t{1} << 32, int64_t{1} << 32, 2}, "f:t");
  });
  // The element count fits, the bytes do not.
  expect_error(ErrorKind::kBadModel, {"overflows"},
               [] { storage_bytes(DType::kF64, {int64_t{1} << 62}, "t"); });
  expect_error(ErrorKind::kBadModel, {"negative", "[2, -1]"}, [] {
    storage_bytes(DType::kU8, {2, -1}, "t");
  });
  expect_error(ErrorKind::kBadModel, {"48", "Q4_0"}, [] { storage_bytes(DType::kQ4_0, {2, 48}, "t"); });
}

TEST(TensorView, RowsOfBlockTypes) {
  std::byte* data = nullptr;
  const Tensor t = Tensor::allocate(DType::kQ8_0, {3, 64}, &data);
  EXPECT_EQ(t.view().row_bytes(), 68u);
  EXPECT_EQ(t.view().row(2), data + 136);
  EXPECT_EQ(t.bytes().size(), 204u);
}

TEST(Tensor, SharesMemoryAndKeepsItAlive) {
  Tensor copy;
  {
    const Tensor t = Tensor::from_floats({2, 2}, std::vector<float>{1, 2, 3, 4});
    copy = t.reshaped({4});
    EXPECT_EQ(copy.bytes().data(), t.bytes().data());
  }
  const AlignedBuffer<float> values = copy.to_floats();
  EXPECT_EQ(std::vector<float>(values.begin(), values.end()), (std::vector<float>{1, 2, 3, 4}));
  expect_error(ErrorKind::kFailure, {"reshape"}, [&] { copy.reshaped({5}); });
  expect_error(ErrorKind::kFailure, {"differ in size"},
               [] { Tensor::from_floats({3}, std::vector<float>{1}); });
}

TEST(Tensor, MayBeEmpty) {
  EXPECT_FALSE(Tensor());
  const Tensor t = Tensor::from_floats({0, 4}, {});
  EXPECT_TRUE(t);
  EXPECT_EQ(t.to_floats().size(), 0u);
}

TEST(Shape, PrintsAsAList) {
  EXPECT_EQ(to_string(Shape{576, 1536}), "[576, 1536]");
  EXPECT_EQ(to_string(Shape{}), "[]");
}

}  // namespace
}  // namespace fptq
