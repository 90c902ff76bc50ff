#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace fptq {
namespace {

bool is_f16_nan(uint32_t h) {
  return (h & 0x7fffu) > 0x7c00u;
}
bool is_bf16_nan(uint32_t h) {
  return (h & 0x7fffu) > 0x7f80u;
}

// The value of a binary16 pattern by its definition, in double.
double f16_by_definition(uint32_t h) {
  const double sign = (h & 0x8000u) != 0 ? -1.0 : 1.0;
  const int exponent = static_cast<int>((h >> 10) & 31u);
  const double fraction = (h & 0x3ffu) / 1024.0;
  if (exponent == 31) return sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1.0 + fraction, exponent - 15));
}

TEST(F16, AllPatternsHaveTheirValueAndComeBack) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const float f = f16_to_float(static_cast<uint16_t>(h));
    if (is_f16_nan(h)) {
      ASSERT_TRUE(std::isnan(f)) << h;
      ASSERT_TRUE(is_f16_nan(float_to_f16(f))) << h;
      continue;
    }
    ASSERT_EQ(static_cast<double>(f), f16_by_definition(h)) << h;
    ASSERT_EQ(std::signbit(f), (h & 0x8000u) != 0) << h;
    ASSERT_EQ(float_to_f16(f), h);
  }
}

// Between every two neighbours: below the middle down, above it up, the middle itself to the even one.
TEST(F16, RoundsToNearestEven) {
  for (uint32_t h = 0; h < 0x7c00u; ++h) {
    // After the largest finite one the next step would be 65536, which is infinity.
    const double low = f16_by_definition(h), high = h == 0x7bffu ? 65536.0 : f16_by_definition(h + 1);
    const auto middle = static_cast<float>((low + high) / 2);  // exact
    const auto even = static_cast<uint16_t>(h + (h & 1u));
    ASSERT_EQ(float_to_f16(middle), even) << h;
    ASSERT_EQ(float_to_f16(std::nextafter(middle, 0.0f)), h) << h;
    ASSERT_EQ(float_to_f16(std::nextafter(middle, 1e30f)), h + 1) << h;
    ASSERT_EQ(float_to_f16(-middle), even | 0x8000u) << h;
  }
  EXPECT_EQ(float_to_f16(1e30f), 0x7c00);
  EXPECT_EQ(float_to_f16(std::numeric_limits<float>::denorm_min()), 0);
}

TEST(Bf16, AllPatternsComeBack) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const float f = bf16_to_float(static_cast<uint16_t>(h));
    if (is_bf16_nan(h)) {
      ASSERT_TRUE(std::isnan(f)) << h;
      ASSERT_TRUE(is_bf16_nan(float_to_bf16(f))) << h;
    } else {
      ASSERT_EQ(float_to_bf16(f), h);
    }
  }
}

TEST(Bf16, RoundsToNearestEven) {
  EXPECT_EQ(bf16_to_float(0x3fc0), 1.5f);
  EXPECT_EQ(bf16_to_float(0xc2f7), -123.5f);
  for (uint32_t h = 0; h < 0x7f80u; ++h) {
    const float middle = std::bit_cast<float>((h << 16) | 0x8000u);
    ASSERT_EQ(float_to_bf16(middle), h + (h & 1u)) << h;
    ASSERT_EQ(float_to_bf16(std::bit_cast<float>((h << 16) | 0x7fffu)), h);
    ASSERT_EQ(float_to_bf16(std::bit_cast<float>((h << 16) | 0x8001u)), h + 1);
  }
  // A NaN whose payload lies in the bits cut off must not become infinity.
  EXPECT_TRUE(is_bf16_nan(float_to_bf16(std::bit_cast<float>(0x7f800001u))));
  EXPECT_TRUE(is_f16_nan(float_to_f16(std::bit_cast<float>(0x7f800001u))));
}

}  // namespace
}  // namespace fptq
