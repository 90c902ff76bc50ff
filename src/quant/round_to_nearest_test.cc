#include "quant/round_to_nearest.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "expect_error.h"
#include "quant/deviation.h"
#include "quant/golden_data.h"
#include "quant/grid.h"
#include "tensor/code_row.h"
#include "tensor/scheme_name.h"

namespace fptq {
namespace {

LinearWeights dense(int64_t rows, int64_t cols, std::vector<float> values = {}) {
  if (values.empty()) {
    std::mt19937 random(11);
    values.resize(static_cast<size_t>(rows * cols));
    for (float& v : values) v = static_cast<float>(static_cast<int32_t>(random())) * 0x1p-31f;
  }
  LinearWeights w;
  w.rows = rows;
  w.cols = cols;
  w.weight = Tensor::from_floats({rows, cols}, values);
  return w;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.bytes().size() == b.bytes().size() &&
         std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

TEST(RoundToNearest, IsTheGridOfEachGroupOfTheFoldedWeights) {
  const LinearWeights w = dense(5, 96);
  std::vector<float> s(96);
  for (size_t j = 0; j < s.size(); ++j) s[j] = 0.5f + static_cast<float>(j % 7);
  const WeightRows rows(w, s, "m");
  ThreadPool pool(2);
  for (const int bits : {4, 8}) {
    for (const bool symmetric : {true, false}) {
      for (const int64_t group : {int64_t{32}, int64_t{0}}) {
        for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
          const WeightSpec spec{bits, group, symmetric};
          const LinearWeights q = round_to_nearest(rows, spec, dtype, pool);
          q.validate("m");
          EXPECT_EQ(q.spec, spec);
          EXPECT_EQ(q.scales.dtype(), dtype);
          const auto size = static_cast<size_t>(q.group_size());
          std::vector<float> row(96), back(96);
          std::vector<int8_t> codes(size);
          for (int64_t r = 0; r < 5; ++r) {
            rows.read(r, row.data());
            q.decode_row(r, back.data());
            for (size_t begin = 0; begin < 96; begin += size) {
              const std::span<const float> g(row.data() + begin, size);
              const GroupGrid grid = fit_group(g, bits, symmetric, dtype);
              round_group(g, grid, bits, codes.data());
              for (size_t i = 0; i < size; ++i) {
                ASSERT_EQ(back[begin + i], static_cast<float>(codes[i] - grid.zero) * grid.scale);
              }
            }
          }
        }
      }
    }
  }
}

// Codes as hexadecimal bytes, one each.
std::string codes_of(const LinearWeights& q) {
  std::string out;
  std::vector<int8_t> codes(static_cast<size_t>(q.cols));
  for (int64_t r = 0; r < q.rows; ++r) {
    read_code_row(q.codes.bytes().data() + static_cast<size_t>(r) * q.codes.view().row_bytes(), q.spec.bits,
                  0, codes);
    for (const int8_t code : codes) {
      for (const int digit : {(code >> 4) & 15, code & 15}) out += "0123456789abcdef"[digit];
    }
  }
  return out;
}

TEST(RoundToNearest, IsThatOfCompressedTensorsToTheLastBit) {
  const Json data = golden("rounding.json");
  const LinearWeights w = dense(data["rows"], data["cols"], floats_of_bits(data["weights"]));
  ThreadPool pool(2);
  for (const Json& c : data["cases"]) {
    const WeightSpec spec{.bits = c["bits"],
                          .group_size = c["group_size"],
                          .symmetric = c["symmetric"],
                          .per_tensor = c["strategy"] == "tensor"};
    SCOPED_TRACE(scheme_name(spec));
    const LinearWeights q =
        round_to_nearest(WeightRows(w, {}, "m"), spec, DType::kF32, pool, SymmetricFit::kFull);
    q.validate("m");
    const std::vector<float> scales = floats_of_bits(c["scales"]);
    const AlignedBuffer<float> found = q.scales.to_floats();
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i], scales[spec.per_tensor ? 0 : i]) << i;
      if (spec.symmetric) continue;
      EXPECT_EQ(static_cast<int>(static_cast<int8_t>(q.zero_points.bytes()[i])),
                c["zeros"][spec.per_tensor ? 0 : i].get<int>())
          << i;
    }
    EXPECT_EQ(codes_of(q), c["codes"].get<std::string>());
  }
}

TEST(RoundToNearest, NibblesAreOffsetAndPaddedWithZeros) {
  // Scale 1: codes are the weights.
  const LinearWeights w = dense(1, 5, {-7, 7, 0, 1, -2});
  ThreadPool pool(1);
  const LinearWeights q = round_to_nearest(WeightRows(w, {}, "m"), {4, 0, true}, DType::kF32, pool);
  const unsigned char expected[] = {0xf1, 0x98, 0x06, 0x00};
  ASSERT_EQ(q.codes.bytes().size(), 4u);
  EXPECT_EQ(std::memcmp(q.codes.bytes().data(), expected, 4), 0);
}

TEST(RoundToNearest, SameBytesForAnyNumberOfThreads) {
  const LinearWeights w = dense(700, 192);
  ThreadPool one(1);
  const WeightRows rows(w, {}, "m");
  const LinearWeights expected = round_to_nearest(rows, {4, 64, false}, DType::kBF16, one);
  const Deviation deviation = measure_deviation(rows, expected, one);
  for (const int threads : {2, 3}) {
    ThreadPool pool(threads);
    const LinearWeights q = round_to_nearest(rows, {4, 64, false}, DType::kBF16, pool);
    EXPECT_TRUE(same_bytes(q.codes, expected.codes));
    EXPECT_TRUE(same_bytes(q.scales, expected.scales));
    EXPECT_TRUE(same_bytes(q.zero_points, expected.zero_points));
    EXPECT_EQ(measure_deviation(rows, q, pool).relative_error, deviation.relative_error);
  }
}

TEST(RoundToNearest, KeepsTheBias) {
  LinearWeights w = dense(2, 16);
  const float bias[] = {1.5f, -2.0f};
  w.bias = Tensor::from_floats({2}, bias);
  ThreadPool pool(1);
  const LinearWeights q = round_to_nearest(WeightRows(w, {}, "m"), {4, 16, true}, DType::kF32, pool);
  EXPECT_TRUE(same_bytes(q.bias, w.bias));
}

TEST(RoundToNearest, NonFiniteWeightsAreNamed) {
  ThreadPool pool(2);
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    std::vector<float> values(3 * 32, 1.0f);
    values[2 * 32 + 5] = bad;
    const LinearWeights w = dense(3, 32, values);
    expect_error(ErrorKind::kBadModel, {"f:q_proj.weight", "row 2, column 5"}, [&] {
      round_to_nearest(WeightRows(w, {}, "f:q_proj.weight"), {4, 32, true}, DType::kF32, pool);
    });
  }
}

TEST(RoundToNearest, OverflowByEqualizationIsNamed) {
  ThreadPool pool(1);
  const LinearWeights w = dense(1, 2, {1.0f, 3e38f});
  const float s[] = {1.0f, 4.0f};
  expect_error(ErrorKind::kBadModel, {"column 1", "after equalization"}, [&] {
    round_to_nearest(WeightRows(w, s, "m"), {4, 0, true}, DType::kF32, pool);
  });
}

TEST(RoundToNearest, ScaleBeyondTheTypeIsNamed) {
  ThreadPool pool(1);
  std::vector<float> values(64, 1.0f);
  values[40] = 1e6f;
  const LinearWeights w = dense(1, 64, values);
  expect_error(ErrorKind::kBadModel, {"row 0, columns 32 to 63", "F16"}, [&] {
    round_to_nearest(WeightRows(w, {}, "m"), {4, 32, true}, DType::kF16, pool);
  });
}

TEST(Deviation, IsTheRelativeSquaredError) {
  // Scale 1/7 * 7 = 1; 0.4 rounds to 0.
  const LinearWeights w = dense(1, 4, {7, 0.4f, -3, 0});
  ThreadPool pool(1);
  const WeightRows rows(w, {}, "m");
  const LinearWeights q = round_to_nearest(rows, {4, 0, true}, DType::kF32, pool);
  const Deviation d = measure_deviation(rows, q, pool);
  EXPECT_NEAR(d.relative_error, 0.16 / 58.16, 1e-8);
  EXPECT_NEAR(d.sqnr_db, 10 * std::log10(58.16 / 0.16), 1e-4);
}

TEST(Deviation, OfAnExactOrEmptyMatrixIsNone) {
  ThreadPool pool(1);
  for (const std::vector<float>& values : {std::vector<float>{7, -7, 3, 0}, std::vector<float>(4, 0.0f)}) {
    const LinearWeights w = dense(1, 4, values);
    const WeightRows rows(w, {}, "m");
    const Deviation d =
        measure_deviation(rows, round_to_nearest(rows, {4, 0, true}, DType::kF32, pool), pool);
    EXPECT_EQ(d.relative_error, 0.0);
    EXPECT_EQ(d.sqnr_db, 200.0);
  }
}

}  // namespace
}  // namespace fptq
