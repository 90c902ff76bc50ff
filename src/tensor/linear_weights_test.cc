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

TEST(LinearWeights, ScalesMayBeNegative) {
  LinearWeights w = four_bit();
  w.scales = Tensor::from_floats({2, 2}, std::vector<float>{-1.0f, 0.5f, 2.0f, -0.25f});
  w.validate("m");
  EXPECT_EQ(row(w, 0), (std::vector<float>{-1, -2, -3, -4, 2.5f, 3, 3.5f, 0}));
  EXPECT_EQ(row(w, 1), (std::vector<float>{-2, -4, -6, -8, 1.25f, 1.5f, 1.75f, 2}));
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

LinearWeights float8(CodeType type, const std::vector<int>& codes) {
  LinearWeights w;
  w.rows = 2;
  w.cols = std::ssize(codes) / 2;
  w.spec = {.bits = 8, .type = type};
  w.codes = bytes_tensor(type == CodeType::kFloat8E4M3 ? DType::kF8E4M3 : DType::kF8E5M2, {2, w.cols}, codes);
  w.scales = Tensor::from_floats({2, 1}, std::vector<float>{0.5f, 2});
  return w;
}

TEST(LinearWeights, DecodesThreeBits) {
  LinearWeights w;
  w.rows = 1;
  w.cols = 12;
  w.spec = {.bits = 3, .group_size = 6};
  w.codes = words_tensor({1, 8}, {0x88FAC688u, 0x00000006u});  // of compressed-tensors
  w.scales = Tensor::from_floats({1, 2}, std::vector<float>{1, 2});
  w.validate("m");
  EXPECT_EQ(row(w, 0), (std::vector<float>{-4, -3, -2, -1, 0, 1, 4, 6, -8, -6, -4, -2}));
}

TEST(LinearWeights, DecodesFloat8) {
  const LinearWeights e4m3 = float8(CodeType::kFloat8E4M3, {0x38, 0xfe, 0x00, 0x01});
  e4m3.validate("m");
  EXPECT_EQ(row(e4m3, 0), (std::vector<float>{0.5f, -224}));
  EXPECT_EQ(row(e4m3, 1), (std::vector<float>{0, 0x1p-8f}));
  const LinearWeights e5m2 = float8(CodeType::kFloat8E5M2, {0x3c, 0xfb, 0x00, 0x01});
  e5m2.validate("m");
  EXPECT_EQ(row(e5m2, 0), (std::vector<float>{0.5f, -28672}));
  EXPECT_EQ(row(e5m2, 1), (std::vector<float>{0, 0x1p-15f}));
}

TEST(LinearWeights, RefusesFloat8CodesThatAreNoNumbers) {
  for (const int code : {0x7f, 0xff}) {
    expect_error(ErrorKind::kBadModel, {"row 1", "no finite number"}, [&] {
      float8(CodeType::kFloat8E4M3, {0, 0, 0, code}).validate("m");
    });
  }
  for (const int code : {0x7c, 0xfd}) {
    expect_error(ErrorKind::kBadModel, {"row 0", "no finite number"}, [&] {
      float8(CodeType::kFloat8E5M2, {code, 0, 0, 0}).validate("m");
    });
  }
  float8(CodeType::kFloat8E4M3, {0x7e, 0x7c, 0, 0}).validate("m");  // infinite as E5M2 alone
}

// 3 x 5 weights in blocks of 4: blocks cross the ends of rows, the last one is short, the last byte half
// empty.
LinearWeights nf4(bool nested) {
  LinearWeights w;
  w.rows = 3;
  w.cols = 5;
  w.spec = {.bits = 4, .group_size = 4, .type = CodeType::kNormalFloat4, .nested = nested};
  w.codes = bytes_tensor(DType::kU8, {8, 1}, {0xf0, 0xff, 0x7f, 0x0f, 0xf0, 0x0f, 0xff, 0xf7});
  if (!nested) {
    w.scales = Tensor::from_floats({4}, std::vector<float>{1, 2, 3, 4});
    return w;
  }
  w.scales = bytes_tensor(DType::kU8, {4}, {0, 1, 2, 255});
  std::vector<float> map(256, 0.0f);
  map[0] = -1, map[1] = -0.5f, map[2] = 0.25f, map[255] = 1;
  w.nested = {Tensor::from_floats({1}, std::vector<float>{2}), Tensor::from_floats({256}, map), 2.5f};
  return w;
}

TEST(LinearWeights, DecodesNf4AcrossTheEndsOfRows) {
  const LinearWeights plain = nf4(false), nested = nf4(true);
  plain.validate("m");
  EXPECT_EQ(row(plain, 0), (std::vector<float>{1, -1, 1, 1, 0}));
  EXPECT_EQ(row(plain, 1), (std::vector<float>{2, -2, 2, 3, -3}));
  EXPECT_EQ(row(plain, 2), (std::vector<float>{-3, 3, 4, 4, 4}));
  nested.validate("m");  // scales 0.5, 1.5, 3, 4.5
  EXPECT_EQ(row(nested, 0), (std::vector<float>{0.5f, -0.5f, 0.5f, 0.5f, 0}));
  EXPECT_EQ(row(nested, 1), (std::vector<float>{1.5f, -1.5f, 1.5f, 3, -3}));
  EXPECT_EQ(row(nested, 2), (std::vector<float>{-3, 3, 4.5f, 4.5f, 4.5f}));
}

TEST(LinearWeights, RefusesBrokenBlocks) {
  const auto refused = [](const char* word, auto break_it) {
    LinearWeights w = nf4(true);
    break_it(w);
    expect_error(ErrorKind::kBadModel, {word}, [&] { w.validate("m"); });
  };
  refused("blocks of 3", [](LinearWeights& w) { w.spec.group_size = 3; });
  refused("codes has shape", [](LinearWeights& w) { w.codes = bytes_tensor(DType::kU8, {7, 1}, {}); });
  refused("absmax has type U8", [](LinearWeights& w) { w.spec.nested = false; });
  refused("nested_absmax is missing", [](LinearWeights& w) { w.nested.absmax = {}; });
  refused("nested_absmax[0] is -1",
          [](LinearWeights& w) { w.nested.absmax = Tensor::from_floats({1}, std::vector<float>{-1}); });
  refused("nested_quant_map holds nan",
          [](LinearWeights& w) { w.nested.map = Tensor::from_floats({256}, std::vector<float>(256, NAN)); });
  refused("nested_offset is inf", [](LinearWeights& w) { w.nested.offset = INFINITY; });
  refused("neither zero points", [](LinearWeights& w) { w.spec.symmetric = false; });
}

TEST(LinearWeights, OneScaleForAllIsOne) {
  LinearWeights w = float8(CodeType::kFloat8E4M3, {0, 0, 0, 0});
  w.spec.per_tensor = true;
  expect_error(ErrorKind::kBadModel, {"one scale"}, [&] { w.validate("m"); });
  w.scales = Tensor::from_floats({2, 1}, std::vector<float>{2, 2});
  w.validate("m");
}

TEST(LinearWeights, RefusesInputsThatNothingRuns) {
  const auto refused = [](ActivationSpec a) {
    LinearWeights w = four_bit();
    w.activation = a;
    expect_error(ErrorKind::kBadModel, {"inputs"}, [&] { w.validate("m"); });
  };
  refused({.mode = ActivationMode::kDynamicToken, .bits = 3});
  refused({.mode = ActivationMode::kDynamicToken, .type = CodeType::kFloat8E5M2});
  refused({.mode = ActivationMode::kDynamicToken, .symmetric = false, .type = CodeType::kFloat8E4M3});
}

TEST(LinearWeights, KernelsMultiplyIntegersOfFourAndEightBits) {
  const ActivationSpec token{.mode = ActivationMode::kDynamicToken};
  EXPECT_TRUE(has_integer_kernel({.bits = 4}, token));
  EXPECT_TRUE(has_integer_kernel({.bits = 8}, token));
  EXPECT_FALSE(has_integer_kernel({.bits = 0}, token));
  EXPECT_FALSE(has_integer_kernel({.bits = 3}, token));
  EXPECT_FALSE(has_integer_kernel({.bits = 8, .type = CodeType::kFloat8E4M3}, token));
  EXPECT_FALSE(has_integer_kernel({.bits = 4}, {}));
  EXPECT_FALSE(has_integer_kernel({.bits = 4}, {.mode = ActivationMode::kDynamicToken, .bits = 4}));
  EXPECT_FALSE(has_integer_kernel({.bits = 8},
                                  {.mode = ActivationMode::kDynamicToken, .type = CodeType::kFloat8E4M3}));
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
                    Broken{"5 bits", [](LinearWeights& w) { w.spec.bits = 5; }},
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
                    Broken{"weight_scale[3] is -inf",
                           [](LinearWeights& w) {
                             w.scales = floats({2, 2}, {1, 1, 1, -INFINITY});
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
