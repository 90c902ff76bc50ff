#include "quant/equalize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quant/golden_data.h"
#include "quant/made_data.h"
#include "quant/weight_rows.h"

namespace fptq {
namespace {

// shared/docs/method.md section 1.1
struct Golden {
  float a, s, log;
};
constexpr Golden kGolden[] = {
    {0.01f, 0.00993f, 1.0072f}, {0.1f, 0.09342f, 1.0704f},  {1, 0.63093f, 1.5850f},  {2, 1.0f, 2.0f},
    {5, 1.78104f, 2.8074f},     {10, 2.78943f, 3.5850f},    {15, 3.66976f, 4.0875f}, {50, 8.77125f, 5.7004f},
    {150, 20.69557f, 7.2479f},  {1000, 100.31432f, 9.9687f}};

TEST(Equalize, LaeMatchesThePapersFormula) {
  for (const Golden& g : kGolden) {
    const std::vector<float> s = lae_scales(std::span(&g.a, 1));
    EXPECT_NEAR(s[0], g.s, 5e-6 + 1e-7 * g.s) << g.a;  // five decimals, and float
    EXPECT_NEAR(equalized_max(std::span(&g.a, 1), s), g.log, 6e-5) << g.a;
    EXPECT_NEAR(g.a / s[0], std::log2(2.0 + g.a), 1e-6 * std::log2(2.0 + g.a)) << g.a;
  }
}

TEST(Equalize, DeadChannelsKeepTheirScale) {
  const float a[] = {0.0f, 4.0f};
  EXPECT_EQ(lae_scales(a)[0], 1.0f);
}

TEST(Equalize, FaintChannelsAreNotAmplifiedWithoutBound) {
  const float a[] = {1e-30f, 1e-5f};
  const std::vector<float> s = lae_scales(a);
  EXPECT_EQ(s[0], 1e-5f);
  EXPECT_EQ(s[1], 1e-5f);
}

TEST(Equalize, SmoothQuantScalesAreThoseOfLlmCompressor) {
  const Json data = golden("rivals.json")["smoothquant"];
  const int64_t n = data["cols"];
  std::vector<LinearWeights> layers;
  for (size_t i = 0; i < 2; ++i) layers.push_back(made_weights(data["rows"][i], n, data["factors"][i]));
  const std::vector<WeightRows> consumers = {{layers[0], {}, "a"}, {layers[1], {}, "b"}};
  const ActivationStatistics statistics = made_statistics(data["tokens"], n);
  for (const Json& c : data["cases"]) {
    const double alpha = c["alpha"];
    const std::vector<float> s = smoothquant_scales(statistics.channel_max, column_maxima(consumers), alpha);
    for (size_t j = 0; j < s.size(); ++j) {
      const double expected = c["scales"][j].get<double>() / std::pow(2.0, 2 * alpha - 1);
      EXPECT_NEAR(s[j], expected, 2e-6 * expected) << alpha << " " << j;
    }
  }
}

TEST(Equalize, EqualizedMaxIsOverAllChannels) {
  const float a[] = {3, 8, 1}, s[] = {3, 2, 0.1f};
  EXPECT_FLOAT_EQ(equalized_max(a, s), 10.0f);
}

}  // namespace
}  // namespace fptq
