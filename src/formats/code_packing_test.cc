#include "formats/code_packing.h"

#include <gmock/gmock.h>

#include <cstring>

#include "expect_error.h"

// Literal values: compressed-tensors 0.19's own packing (docs/formats.md §1.3).
namespace fptq {
namespace {

Tensor int8s(Shape shape, const std::vector<int>& values) {
  std::byte* data = nullptr;
  Tensor t = Tensor::allocate(DType::kI8, std::move(shape), &data);
  for (size_t i = 0; i < values.size(); ++i) data[i] = static_cast<std::byte>(values[i]);
  return t;
}

Tensor words(Shape shape, const std::vector<uint32_t>& values) {
  std::byte* data = nullptr;
  Tensor t = Tensor::allocate(DType::kI32, std::move(shape), &data);
  std::memcpy(data, values.data(), values.size() * 4);
  return t;
}

std::vector<uint32_t> words_of(const Tensor& t) {
  std::vector<uint32_t> out(t.bytes().size() / 4);
  std::memcpy(out.data(), t.bytes().data(), t.bytes().size());
  return out;
}

std::vector<int> ints_of(const Tensor& t) {
  std::vector<int> out;
  for (const std::byte b : t.bytes()) out.push_back(static_cast<int8_t>(b));
  return out;
}

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

TEST(CodePacking, FourBitsMatchTheLibrary) {
  const auto pack = [](Shape shape, const std::vector<int>& values) {
    return words_of(pack_codes(int8s(std::move(shape), values), 4, "t"));
  };
  EXPECT_THAT(pack({2, 2}, {1, 2, 3, 4}), ElementsAre(0x000000A9u, 0x000000CBu));
  EXPECT_THAT(pack({1, 8}, {1, 2, 3, 4, 5, 6, 7, 0}), ElementsAre(0x8FEDCBA9u));
  EXPECT_THAT(pack({1, 8}, {-1, -2, -3, -4, -5, -6, -7, -8}), ElementsAre(0x01234567u));
  EXPECT_THAT(pack({1, 8}, {0, 0, 0, 0, 0, 0, 0, 0}), ElementsAre(0x88888888u));
  EXPECT_THAT(pack({1, 8}, {-7, -4, -2, 0, 1, 2, 6, 7}), ElementsAre(0xFEA98641u));
}

TEST(CodePacking, RefusesWhatFourBitsCannotHold) {
  expect_error(ErrorKind::kBadModel, {"q.weight", "code 8 at [1, 0] is outside -8..7"}, [] {
    pack_codes(int8s({2, 2}, {1, 2, 8, 4}), 4, "q.weight");
  });
  expect_error(ErrorKind::kBadModel, {"code -9"}, [] { pack_codes(int8s({1, 1}, {-9}), 4, "q.weight"); });
}

TEST(CodePacking, EightBitsMatchTheLibrary) {
  EXPECT_THAT(words_of(pack_codes8(int8s({2, 2}, {30, 40, 50, 60}))), ElementsAre(0x0000A89Eu, 0x0000BCB2u));
  EXPECT_THAT(words_of(pack_codes8(int8s({1, 8}, {10, 15, 20, 25, 30, 35, 40, 45}))),
              ElementsAre(0x99948F8Au, 0xADA8A39Eu));
  EXPECT_THAT(words_of(pack_codes8(int8s({1, 8}, {-10, -20, -30, -40, -50, -60, -70, -80}))),
              ElementsAre(0x58626C76u, 0x303A444Eu));
  EXPECT_THAT(ints_of(unpack_codes8(words({1, 2}, {0x58626C76u, 0x303A444Eu}), 7)),
              ElementsAre(-10, -20, -30, -40, -50, -60, -70));
}

TEST(CodePacking, ZeroPointsArePackedAlongRows) {
  const std::vector<int> column = {-8, -4, 0, 1, 2, 3, 4, 7, 5, -1};
  EXPECT_THAT(words_of(pack_zero_points(int8s({10, 1}, column), 4)), ElementsAre(0xFCBA9840u, 0x0000007Du));
  EXPECT_THAT(ints_of(unpack_zero_points(words({2, 1}, {0xFCBA9840u, 0x0000007Du}), 10, 4)),
              ElementsAreArray(column));

  std::vector<int> two_groups;
  for (int i = 0; i < 8; ++i) two_groups.insert(two_groups.end(), {i - 8, 7 - i});
  EXPECT_THAT(words_of(pack_zero_points(int8s({8, 2}, two_groups), 4)),
              ElementsAre(0x76543210u, 0x89ABCDEFu));
  EXPECT_THAT(ints_of(unpack_zero_points(words({1, 2}, {0x76543210u, 0x89ABCDEFu}), 8, 4)),
              ElementsAreArray(two_groups));
}

TEST(CodePacking, EightBitZeroPointsComeBack) {
  const std::vector<int> values = {-128, 127, 0, -1, 64};
  EXPECT_THAT(ints_of(unpack_zero_points(pack_zero_points(int8s({5, 1}, values), 8), 5, 8)),
              ElementsAreArray(values));
}

}  // namespace
}  // namespace fptq
