#include "tensor/linear_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/half.h"
#include "expect_error.h"

namespace fptq {
namespace {

Tensor bytes_tensor(DType dtype, Shape shape, const std::vector<int>& values) {
  std::byte* data = nullptr;
  Tensor t = Tensor::allocate(dtype, std::move(shape), &data);
  for (size_t i = 0; i < values.size(); ++i) data[i] = static_cast<std::byte>(values[i]);
  return t;
}

// The rows are 32-bit words of compressed-tensors' pack function (values from running it; low nibble first).
Tensor words_tensor(Shape shape, const std::vector<uint32_t>& words) {
  std::byte* data = nullptr;
  Tensor t = Tensor::allocate(DType::kU8, std::move(shape), &data);
  std::memcpy(data, words.data(), words.size() * sizeof(uint32_t));
  return t;
}

LinearWeights four_bit() {
  LinearWeights w;
  w.rows = 2;
  w.cols = 8;
  w.spec = {.bits = 4, .group_size = 4};
  w.codes = words_tensor({2, 4}, {0x8FEDCBA9u, 0x01234567u});
  w.scales = Tensor::from_floats({2, 2}, std::vector<float>{1.0f, 0.5f, 2.0f, 0.25f});
  return w;
}

std::vector<float> row(const LinearWeights& w, int64_t r) {
  std::vector<float> out(static_cast<size_t>(w.cols));
  w.decode_row(r, out.data());
  return out;
}

TEST(LinearWeights, DecodesThePackedWordsOfCompressedTensors) {
  const LinearWeights w = four_bit();
  w.validate("m");
  EXPECT_EQ(row(w, 0), (std::vector<float>{1, 2, 3, 4, 2.5f, 3, 3.5f, 0}));
  EXPECT_EQ(row(w, 1), (std::vector<float>{-2, -4, -6, -8, -1.25f, -1.5f, -1.75f, -2}));
}

TEST(LinearWeights, PadsRowsToWholeWords) {
  LinearWeights w;
  w.rows = 2;
  w.cols = 2;
  w.spec = {.bits = 4};
  w.codes = words_tensor({2, 4}, {0x000000A9u, 0x000000CBu});
  w.scales = Tensor::from_floats({2, 1}, std::vector<float>{1, 1});
  w.validate("m");
  EXPECT_EQ(row(w, 0), (std::vector<float>{1, 2}));
  EXPECT_EQ(row(w, 1), (std::vector<float>{3, 4}));
  EXPECT_EQ(packed_row_bytes(8), 4);
  EXPECT_EQ(packed_row_bytes(9), 8);
}

TEST(LinearWeights, SubtractsSignedZeroPoints) {
  LinearWeights w = four_bit();
  w.spec.symmetric = false;
  w.zero_points = bytes_tensor(DType::kI8, {2, 2}, {-8, 7, 0, 1});
  w.validate("m");
  EXPECT_EQ(row(w, 0), (std::vector<float>{9, 10, 11, 12, -1, -0.5f, 0, -3.5f}));
}

TEST(LinearWeights, DecodesEightBitsWithHalfScales) {
  LinearWeights w;
  w.rows = 1;
  w.cols = 4;
  w.spec = {.bits = 8};
  w.codes = bytes_tensor(DType::kI8, {1, 4}, {127, -128, 0, -1});
  const uint16_t half = float_to_bf16(0.5f);
  w.scales = bytes_tensor(DType::kBF16, {1, 1}, {half & 255, half >> 8});
  w.bias = Tensor::from_floats({1}, std::vector<float>{3});
  w.validate("m");
  EXPECT_EQ(row(w, 0), (std::vector<float>{63.5f, -64, 0, -0.5f}));
}

TEST(LinearWeights, DecodesDenseRows) {
  LinearWeights w;
  w.rows = 2;
  w.cols = 2;
  w.weight = Tensor::from_floats({2, 2}, std::vector<float>{1, 2, 3, 4});
  w.validate("m");
  EXPECT_EQ(row(w, 1), (std::vector<float>{3, 4}));
}

struct Broken {
  const char* word;
  void (*break_it)(LinearWeights&);
};

class LinearWeightsValidate : public testing::TestWithParam<Broken> {};

TEST_P(LinearWeightsValidate, Refuses) {
  LinearWeights w = four_bit();
  GetParam().break_it(w);
  expect_error(ErrorKind::kBadModel, {"file:layer", GetParam().word}, [&] { w.validate("file:layer"); });
}

Tensor floats(Shape shape, const std::vector<float>& v) {
  return Tensor::from_floats(std::move(shape), v);
}

INSTANTIATE_TEST_SUITE_P(
    , LinearWeightsValidate,
    testing::Values(Broken{"0 x 8", [](LinearWeights& w) { w.rows = 0; }},
                    Broken{"3 bits", [](LinearWeights& w) { w.spec.bits = 3; }},
                    Broken{"does not divide", [](LinearWeights& w) { w.spec.group_size = 3; }},
                    Broken{"does not divide", [](LinearWeights& w) { w.spec.group_size = -1; }},
                    Broken{"codes is missing", [](LinearWeights& w) { w.codes = {}; }},
                    Broken{"codes has shape",
                           [](LinearWeights& w) {
                             w.codes = w.codes.reshaped({4, 2});
                           }},
                    Broken{"codes has type I8",
                           [](LinearWeights& w) {
                             w.codes = bytes_tensor(DType::kI8, {2, 4}, {});
                           }},
                    Broken{"weight_scale is missing", [](LinearWeights& w) { w.scales = {}; }},
                    Broken{"weight_scale has shape [2, 1]",
                           [](LinearWeights& w) {
                             w.scales = floats({2, 1}, {1, 1});
                           }},
                    Broken{"weight_scale has type I8",
                           [](LinearWeights& w) {
                             w.scales = bytes_tensor(DType::kI8, {2, 2}, {1, 1, 1, 1});
                           }},
                    Broken{"weight_scale[1] is 0",
                           [](LinearWeights& w) {
                             w.scales = floats({2, 2}, {1, 0, 1, 1});
                           }},
                    Broken{"weight_scale[3] is -1",
                           [](LinearWeights& w) {
                             w.scales = floats({2, 2}, {1, 1, 1, -1});
                           }},
                    Broken{"weight_scale[0] is nan",
                           [](LinearWeights& w) {
                             w.scales = floats({2, 2}, {NAN, 1, 1, 1});
                           }},
                    Broken{"weight_scale[2] is inf",
                           [](LinearWeights& w) {
                             w.scales = floats({2, 2}, {1, 1, INFINITY, 1});
                           }},
                    Broken{"zero points on a symmetric",
                           [](LinearWeights& w) {
                             w.zero_points = bytes_tensor(DType::kI8, {2, 2}, {0, 0, 0, 0});
                           }},
                    Broken{"weight_zero_point is missing",
                           [](LinearWeights& w) { w.spec.symmetric = false; }},
                    Broken{"zero point 8",
                           [](LinearWeights& w) {
                             w.spec.symmetric = false;
                             w.zero_points = bytes_tensor(DType::kI8, {2, 2}, {0, 8, 0, 0});
                           }},
                    Broken{"weight_zero_point has type U8",
                           [](LinearWeights& w) {
                             w.spec.symmetric = false;
                             w.zero_points = bytes_tensor(DType::kU8, {2, 2}, {0, 0, 0, 0});
                           }},
                    Broken{"bias has shape [3]",
                           [](LinearWeights& w) {
                             w.bias = floats({3}, {1, 2, 3});
                           }},
                    Broken{"bias has type I8",
                           [](LinearWeights& w) {
                             w.bias = bytes_tensor(DType::kI8, {2}, {1, 2});
                           }},
                    Broken{"input_scale is 0",
                           [](LinearWeights& w) { w.activation = {.mode = ActivationMode::kStaticTensor}; }},
                    Broken{"input_zero_point 128",
                           [](LinearWeights& w) {
                             w.activation = {.mode = ActivationMode::kStaticTensor,
                                             .symmetric = false,
                                             .scale = 1,
                                             .zero_point = 128};
                           }},
                    Broken{"weight is missing", [](LinearWeights& w) { w.spec = {}; }},
                    Broken{"weight has type U8", [](LinearWeights& w) {
                             w.spec = {};
                             w.weight = bytes_tensor(DType::kU8, {2, 8}, {});
                           }}));

}  // namespace
}  // namespace fptq
