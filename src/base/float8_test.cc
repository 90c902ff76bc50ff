#include "base/float8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/file_io.h"
#include "base/json.h"

namespace fptq {
namespace {

// PyTorch's float8 types (testdata/make_float8.py).
class Float8 : public testing::TestWithParam<const char*> {
 protected:
  static Json golden() {
    const std::string path = std::string(FPTQ_SOURCE_DIR) + "/src/base/testdata/float8.json";
    return parse_json(read_text_file(path), path)[GetParam()];
  }
  static bool e4m3() { return std::string(GetParam()) == "e4m3"; }
  static float value(int code) {
    return (e4m3() ? e4m3_to_float : e5m2_to_float)(static_cast<uint8_t>(code));
  }
  static int code(float x) { return (e4m3() ? float_to_e4m3 : float_to_e5m2)(x); }
  static float of_bits(const Json& bits) { return std::bit_cast<float>(bits.get<int32_t>()); }
};

TEST_P(Float8, EveryCodeHasTheValueOfTorch) {
  const Json values = golden()["values"];
  for (int i = 0; i < 256; ++i) {
    const float expected = of_bits(values[static_cast<size_t>(i)]);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value(i))) << i;
    } else {
      EXPECT_EQ(std::bit_cast<uint32_t>(value(i)), std::bit_cast<uint32_t>(expected)) << i;
    }
  }
}

TEST_P(Float8, RoundsLikeTorchAfterClamping) {
  const Json data = golden();
  ASSERT_GT(data["samples"].size(), 800u);
  for (size_t i = 0; i < data["samples"].size(); ++i) {
    const float x = of_bits(data["samples"][i]);
    const int expected = data["codes"][i].get<int>();
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(value(code(x))));
    } else {
      EXPECT_EQ(code(x), expected) << x;
    }
  }
}

TEST_P(Float8, EveryNumberIsItsOwnNearest) {
  for (int i = 0; i < 256; ++i) {
    if (std::isfinite(value(i))) {
      EXPECT_EQ(code(value(i)), i);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, Float8, testing::Values("e4m3", "e5m2"));

}  // namespace
}  // namespace fptq
