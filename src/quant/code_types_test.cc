// Solvers for code types other than grouped integers of 4 and 8 bits.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "expect_error.h"
#include "quant/deviation.h"
#include "quant/golden_data.h"
#include "quant/nf4.h"
#include "quant/round_to_nearest.h"

namespace fptq {
namespace {

// As weights() of testdata/make_code_types.py.
LinearWeights formula_weights(int64_t rows, int64_t cols) {
  LinearWeights w;
  w.rows = rows;
  w.cols = cols;
  std::vector<float> values(static_cast<size_t>(rows * cols));
  for (uint32_t i = 0; i < values.size(); ++i) {
    const float fraction = static_cast<float>((i * 2654435761u) >> 24) / 128.0f - 1.0f;
    values[i] = std::ldexp(fraction, -static_cast<int>(i / 600 % 4));
  }
  w.weight = Tensor::from_floats({rows, cols}, values);
  return w;
}

LinearWeights formula_weights(const Json& c) {
  return formula_weights(c["rows"].get<int64_t>(), c["cols"].get<int64_t>());
}

std::string hex_of(const Tensor& t) {
  std::string out;
  for (const std::byte b : t.bytes()) {
    for (const unsigned digit : {static_cast<unsigned>(b) >> 4, static_cast<unsigned>(b) & 15u})
      out += "0123456789abcdef"[digit];
  }
  return out;
}

std::vector<float> floats_of(const Tensor& t) {
  const AlignedBuffer<float> values = t.to_floats();
  return {values.begin(), values.end()};
}

LinearWeights solve(const LinearWeights& w, const WeightSpec& spec, int threads = 2) {
  ThreadPool pool(threads);
  LinearWeights q = round_to_nearest(WeightRows(w, {}, "m"), spec, DType::kF32, pool);
  q.validate("m");
  EXPECT_EQ(q.spec, spec);
  return q;
}

constexpr WeightSpec kNf4{.bits = 4, .group_size = 64, .type = CodeType::kNormalFloat4};

TEST(CodeTypes, Nf4IsThatOfBitsandbytesToTheLastBit) {
  const Json data = golden("code_types.json");
  for (const Json& c : data["nf4"]) {
    SCOPED_TRACE(c["rows"].dump() + " x " + c["cols"].dump());
    LinearWeights w = formula_weights(c);
    std::vector<float> values = floats_of(w.weight);
    for (size_t i = 64; i < std::min<size_t>(128, values.size()); ++i) values[i] = 0.0f;
    w.weight = Tensor::from_floats({w.rows, w.cols}, values);
    WeightSpec spec = kNf4;
    spec.nested = c["nested"];
    const LinearWeights q = solve(w, spec);
    EXPECT_EQ(hex_of(q.codes), c["codes"].get<std::string>());
    if (spec.nested) {
      EXPECT_EQ(std::bit_cast<int32_t>(q.nested.offset), c["offset"].get<int32_t>());
      EXPECT_EQ(floats_of(q.nested.absmax), floats_of_bits(c["nested_absmax"]));
      EXPECT_EQ(floats_of(q.nested.map), floats_of_bits(c["map"]));
      EXPECT_EQ(hex_of(q.scales), c["absmax"].get<std::string>());
    } else {
      EXPECT_EQ(floats_of(q.scales), floats_of_bits(c["absmax"]));
    }
    std::vector<float> row(static_cast<size_t>(q.cols));
    q.decode_row(q.rows / 2, row.data());
    EXPECT_EQ(row, floats_of_bits(c["row"]));
  }
}

TEST(CodeTypes, Float8IsThatOfCompressedTensorsAndOfTorch) {
  const Json data = golden("code_types.json");
  for (const Json& c : data["float8"]) {
    const bool per_tensor = c["strategy"] == "tensor";
    const CodeType type = c.contains("type") ? CodeType::kFloat8E5M2 : CodeType::kFloat8E4M3;
    const LinearWeights q = solve(formula_weights(c), {.bits = 8, .type = type, .per_tensor = per_tensor});
    std::vector<float> scales = floats_of(q.scales);
    if (per_tensor) scales.resize(1);
    EXPECT_EQ(scales, floats_of_bits(c["scales"]));
    EXPECT_EQ(hex_of(q.codes), c["codes"].get<std::string>());
  }
}

TEST(CodeTypes, AsymmetricIntegersAreThoseOfCompressedTensors) {
  const Json data = golden("code_types.json");
  for (const Json& c : data["integer"]) {
    const bool per_tensor = c["strategy"] == "tensor";
    const LinearWeights q = solve(formula_weights(c), {.bits = c["bits"],
                                                       .group_size = c["strategy"] == "group" ? 32 : 0,
                                                       .symmetric = false,
                                                       .per_tensor = per_tensor});
    std::vector<float> scales = floats_of(q.scales);
    std::vector<int> zeros;
    for (const std::byte b : q.zero_points.bytes()) zeros.push_back(static_cast<int8_t>(b));
    if (per_tensor) scales.resize(1), zeros.resize(1);
    EXPECT_EQ(scales, floats_of_bits(c["scales"]));
    EXPECT_EQ(zeros, c["zeros"].get<std::vector<int>>());
    EXPECT_EQ(hex_of(q.codes), c["codes"].get<std::string>());
  }
}

TEST(CodeTypes, ErrorsAreThoseOfTheTypes) {
  const LinearWeights w = formula_weights(64, 128);
  ThreadPool pool(1);
  const WeightRows rows(w, {}, "m");
  const auto sqnr = [&](const WeightSpec& spec) {
    return measure_deviation(rows, solve(w, spec), pool).sqnr_db;
  };
  const double int3 = sqnr({.bits = 3, .group_size = 64}), int4 = sqnr({.bits = 4, .group_size = 64}),
               nf4 = sqnr(kNf4), e5m2 = sqnr({.bits = 8, .type = CodeType::kFloat8E5M2}),
               e4m3 = sqnr({.bits = 8, .type = CodeType::kFloat8E4M3}), int8 = sqnr({.bits = 8});
  EXPECT_LT(int3 + 5, int4);
  EXPECT_LT(int3, nf4);
  EXPECT_LT(int4, e5m2);
  EXPECT_LT(e5m2 + 5, e4m3);  // a bit of mantissa
  EXPECT_LT(e4m3, int8);      // these weights are uniform
}

TEST(CodeTypes, SameBytesForAnyNumberOfThreads) {
  const LinearWeights w = formula_weights(333, 172);
  WeightSpec nested = kNf4;
  nested.nested = true;
  for (const WeightSpec& spec :
       {nested, WeightSpec{.bits = 3, .group_size = 43}, WeightSpec{.bits = 4, .per_tensor = true},
        WeightSpec{.bits = 8, .type = CodeType::kFloat8E5M2, .per_tensor = true}}) {
    const LinearWeights one = solve(w, spec, 1), three = solve(w, spec, 3);
    EXPECT_EQ(hex_of(one.codes), hex_of(three.codes));
    EXPECT_EQ(hex_of(one.scales), hex_of(three.scales));
  }
}

TEST(CodeTypes, ScaleOfAMatrixBeyondTheTypeIsNamed) {
  LinearWeights w = formula_weights(2, 4);
  w.weight = Tensor::from_floats({2, 4}, std::vector<float>{1, 1, 1, 1, 1, 1, 3e38f, 1});
  ThreadPool pool(1);
  for (const CodeType type : {CodeType::kInteger, CodeType::kFloat8E4M3}) {
    expect_error(ErrorKind::kBadModel, {"m: the matrix: the scale exceeds F16"}, [&] {
      round_to_nearest(WeightRows(w, {}, "m"), {.bits = 8, .type = type, .per_tensor = true}, DType::kF16,
                       pool);
    });
  }
}

TEST(CodeTypes, EmptyMatricesDecodeToZeros) {
  LinearWeights w = formula_weights(3, 64);
  w.weight = Tensor::from_floats({3, 64}, std::vector<float>(192, 0.0f));
  WeightSpec nested = kNf4;
  nested.nested = true;
  for (const WeightSpec& spec :
       {WeightSpec{.bits = 3, .group_size = 32}, WeightSpec{.bits = 8, .per_tensor = true},
        WeightSpec{.bits = 8, .type = CodeType::kFloat8E4M3}, kNf4, nested}) {
    const LinearWeights q = solve(w, spec);
    std::vector<float> row(64, 1.0f);
    q.decode_row(2, row.data());
    EXPECT_EQ(row, std::vector<float>(64, 0.0f));
  }
}

}  // namespace
}  // namespace fptq
