// lanes.h and lanes_shuffle.h as ordinary code compiles them; that every ISA gives the same bits is shown by
// the tests of the kernels made of them.
#include "kernels/lanes.h"

#include <cmath>
#include <limits>

#include "kernels/kernel_test.h"
#include "kernels/lanes_shuffle.h"

namespace fptq::kernels {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

float exp_of(float x) {
  float y[kLanes];
  store(y, exp_lanes(lanes_of(x)));
  return y[0];
}

// In units of the last place of the result, subnormals included.
double ulps(float got, double exact) {
  int exponent;
  std::frexp(exact, &exponent);
  return std::fabs(static_cast<double>(got) - exact) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

TEST(ExpLanes, WithinTwoUlpOverTheWholeRange) {
  double worst = 0;
  // Every 997th float between e^-104 = 0 and the overflow, on both sides of 0.
  for (const float sign : {-1.0f, 1.0f}) {
    const float last = sign < 0 ? 104.0f : 88.7228f;
    for (uint32_t b = 0; b <= std::bit_cast<uint32_t>(last); b += 997) {
      const float x = sign * std::bit_cast<float>(b);
      worst = std::max(worst, ulps(exp_of(x), std::exp(static_cast<double>(x))));
    }
  }
  EXPECT_LE(worst, 2.0);
  EXPECT_GT(worst, 0.1) << "the measure itself is broken";
}

TEST(ExpLanes, TheEnds) {
  EXPECT_EQ(exp_of(0.0f), 1.0f);
  EXPECT_EQ(exp_of(-0.0f), 1.0f);
  EXPECT_LT(exp_of(88.7228f), kInf);
  EXPECT_EQ(exp_of(88.7229f), kInf);
  EXPECT_EQ(exp_of(1000.0f), kInf);
  EXPECT_EQ(exp_of(kInf), kInf);
  EXPECT_GT(exp_of(-103.9f), 0.0f);
  EXPECT_EQ(exp_of(-104.0f), 0.0f);
  EXPECT_EQ(exp_of(-1000.0f), 0.0f);
  EXPECT_EQ(exp_of(-kInf), 0.0f);
  EXPECT_TRUE(std::isnan(exp_of(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Lanes, SumIsPairwise) {
  // 1 vanishes beside 2^30 unless it meets its own kind first.
  float x[kLanes] = {};
  x[0] = 0x1p30f;
  x[8] = -0x1p30f;
  x[1] = 1.0f;
  EXPECT_EQ(sum_of_lanes(load(x)), 1.0f);
  x[8] = 0.0f;
  x[4] = -0x1p30f;
  EXPECT_EQ(sum_of_lanes(load(x)), 1.0f);
  x[4] = 0.0f;
  x[15] = -0x1p30f;
  EXPECT_EQ(sum_of_lanes(load(x)), 0.0f);
}

TEST(Lanes, TransposeAndSumsOfRows) {
  NativeFloat rows[kWidth], sums[kWidth];
  Random random(1);
  std::vector<float> x = random.reals(kWidth * kWidth);
  for (int i = 0; i < kWidth; ++i) rows[i] = sums[i] = native_load(x.data() + i * kWidth);
  transpose(rows);
  const NativeFloat sum = sums_of_rows(sums);
  for (int i = 0; i < kWidth; ++i) {
    for (int j = 0; j < kWidth; ++j) EXPECT_EQ(rows[i][j], x[j * kWidth + i]);
    // The pairwise sum of a row: with zeros behind, the order of sum_of_lanes() below one register's width.
    std::vector<float> row(x.begin() + i * kWidth, x.begin() + (i + 1) * kWidth);
    for (int half = kWidth / 2; half > 0; half /= 2) {
      for (int l = 0; l < half; ++l) row[l] += row[l + half];
    }
    EXPECT_EQ(sum[i], row[0]);
  }
}

TEST(Lanes, PartsOfSixteen) {
  const float x[] = {1, 2, 3, 4, 5};
  float y[kLanes];
  store(y, load_first(x, 5));
  for (int i = 0; i < kLanes; ++i) EXPECT_EQ(y[i], i < 5 ? x[i] : 0.0f);
  float z[] = {9, 9, 9};
  store_first(z, 2, load_first(x, 5));
  EXPECT_EQ(z[1], 2.0f);
  EXPECT_EQ(z[2], 9.0f);
}

}  // namespace
}  // namespace fptq::kernels
