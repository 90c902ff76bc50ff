#include "base/uniform.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fptq {
namespace {

TEST(Uniform, CoversTheRangeEvenly) {
  std::mt19937_64 random(0);
  int count[5] = {};
  for (int i = 0; i < 50000; ++i) {
    const uint64_t x = draw_below(random, 5);
    ASSERT_LT(x, 5u);
    ++count[x];
  }
  for (const int c : count) EXPECT_NEAR(c, 10000, 500);
  EXPECT_EQ(draw_below(random, 1), 0u);
}

TEST(Uniform, FractionsAreTheUpper53Bits) {
  std::mt19937_64 random;
  random.discard(9999);
  EXPECT_EQ(draw_fraction(random), std::ldexp(static_cast<double>(9981545732273789042u >> 11), -53));
}

TEST(Uniform, FractionsFillTheIntervalEvenly) {
  std::mt19937_64 random(0);
  int count[5] = {};
  for (int i = 0; i < 50000; ++i) {
    const double x = draw_fraction(random);
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    ++count[static_cast<size_t>(x * 5)];
  }
  for (const int c : count) EXPECT_NEAR(c, 10000, 500);
}

TEST(Uniform, IsTheSameEverywhere) {
  // mt19937_64 is defined by the standard: its 10000th number from the default seed is 9981545732273789042.
  std::mt19937_64 random;
  random.discard(9999);
  EXPECT_EQ(draw_below(random, 49135), 9981545732273789042u % 49135);
}

}  // namespace
}  // namespace fptq
