#include "quant/activation_policy.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace fptq {
namespace {

using testing::HasSubstr;

ActivationPlan plan(std::vector<float> maxima, std::string norm = "input_layernorm",
                    DType dtype = DType::kF32) {
  const ActivationStatistics statistics{.channel_max = std::move(maxima), .tokens = 1};
  return fptq_policy({.statistics = statistics, .norm = std::move(norm), .scale_dtype = dtype});
}

TEST(ActivationPolicy, SmallRangeIsStatic) {
  const ActivationPlan p = plan({1.0f, 3.2f});
  EXPECT_EQ(p.spec, (ActivationSpec{ActivationMode::kStaticTensor, true, 3.2f / 127.0f, 0}));
  EXPECT_TRUE(p.equalization.empty());
  EXPECT_FLOAT_EQ(p.v, 3.2f);
  EXPECT_EQ(p.reason, "v = 3.2 <= 15: static per tensor");
}

TEST(ActivationPolicy, MiddleRangeIsEqualizedIntoTheNorm) {
  const ActivationPlan p = plan({37.1f, 0.0f, 2.0f});
  EXPECT_EQ(p.spec.mode, ActivationMode::kStaticTensor);
  EXPECT_NEAR(p.spec.scale, std::log2(2 + 37.1) / 127, 1e-8);
  ASSERT_EQ(p.equalization.size(), 3u);
  EXPECT_NEAR(p.equalization[0], 37.1 / std::log2(2 + 37.1), 1e-5);
  EXPECT_EQ(p.equalization[1], 1.0f);
  EXPECT_EQ(p.equalization[2], 1.0f);
  EXPECT_EQ(p.reason, "15 < v = 37.1 < 150: LAE folded into input_layernorm, static per tensor");
}

TEST(ActivationPolicy, MiddleRangeWithoutANormIsPerToken) {
  const ActivationPlan p = plan({44.0f}, "");
  EXPECT_EQ(p.spec, (ActivationSpec{ActivationMode::kDynamicToken, true, 0.0f, 0}));
  EXPECT_TRUE(p.equalization.empty());
  EXPECT_EQ(p.reason, "15 < v = 44 < 150 but no norm can absorb the scale: per token");
}

TEST(ActivationPolicy, LargeRangeIsPerToken) {
  const ActivationPlan p = plan({3081.0f});
  EXPECT_EQ(p.spec.mode, ActivationMode::kDynamicToken);
  EXPECT_TRUE(p.equalization.empty());
  EXPECT_EQ(p.reason, "v = 3081 >= 150: per token");
}

TEST(ActivationPolicy, LimitsAreInclusive) {
  EXPECT_THAT(plan({15.0f}).reason, HasSubstr("v = 15 <= 15"));
  EXPECT_THAT(plan({std::nextafter(15.0f, 16.0f)}).reason, HasSubstr("LAE"));
  EXPECT_THAT(plan({std::nextafter(150.0f, 0.0f)}).reason, HasSubstr("LAE"));
  EXPECT_THAT(plan({150.0f}).reason, HasSubstr("v = 150 >= 150"));
}

TEST(ActivationPolicy, EqualThresholdsLeaveNoMiddle) {
  const ActivationStatistics statistics{.channel_max = {40.0f}, .tokens = 1};
  const auto at = [&](double limit) {
    return fptq_policy(
               {.statistics = statistics, .norm = "n", .static_threshold = limit, .dynamic_threshold = limit})
        .spec.mode;
  };
  EXPECT_EQ(at(40.0), ActivationMode::kStaticTensor);
  EXPECT_EQ(at(39.0), ActivationMode::kDynamicToken);
}

TEST(ActivationPolicy, ScaleIsRoundedToTheTypeItIsStoredIn) {
  EXPECT_EQ(plan({1.0f}, "", DType::kBF16).spec.scale, 0x1.02p-7f);  // 1/127 = 0x1.02040810...p-7
}

TEST(ActivationPolicy, InputsWithoutAUsableStaticScaleArePerToken) {
  EXPECT_EQ(plan({0.0f, 0.0f}).spec.mode, ActivationMode::kDynamicToken);
  EXPECT_THAT(plan({0.0f}).reason, HasSubstr("v = 0"));
  EXPECT_EQ(plan({1e-38f}).spec.mode, ActivationMode::kDynamicToken);
  EXPECT_EQ(plan({1e-7f}, "", DType::kF16).spec.mode, ActivationMode::kDynamicToken);
  const ActivationStatistics vast{.channel_max = {3e38f}, .tokens = 1};
  const ActivationPlan p = fptq_policy(
      {.statistics = vast, .static_threshold = 1e39, .dynamic_threshold = 1e39, .scale_dtype = DType::kF16});
  EXPECT_EQ(p.spec.mode, ActivationMode::kDynamicToken);
  EXPECT_THAT(p.reason, HasSubstr("F16"));
}

TEST(ActivationPolicy, PerTokenNeedsNoStatistics) {
  const ActivationStatistics nothing;
  EXPECT_EQ(per_token_policy({.statistics = nothing}).spec.mode, ActivationMode::kDynamicToken);
}

}  // namespace
}  // namespace fptq
