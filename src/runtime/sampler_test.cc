#include "runtime/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "fptq/error.h"

namespace fptq {
namespace {

// Draws `n` tokens from the same logits and counts them.
std::map<int32_t, int> draw(const std::vector<float>& logits, const SamplingOptions& options, int n) {
  Sampler sampler(options);
  std::map<int32_t, int> counts;
  for (int i = 0; i < n; ++i) {
    std::vector<float> copy = logits;
    ++counts[sampler.sample(copy, {})];
  }
  return counts;
}

TEST(Sampler, GreedyTakesTheLargestAndTheLowestIdOfEquals) {
  std::vector<float> logits = {0.5f, 2.0f, -1.0f, 2.0f};
  EXPECT_EQ(Sampler({}).sample(logits, {}), 1);
}

TEST(Sampler, FrequenciesFollowTheSoftmax) {
  const std::vector<float> logits = {std::log(1.0f), std::log(2.0f), std::log(5.0f)};
  const int n = 20000;
  auto counts = draw(logits, {.temperature = 1.0, .seed = 7}, n);
  EXPECT_NEAR(counts[0] / double(n), 0.125, 0.012);
  EXPECT_NEAR(counts[1] / double(n), 0.250, 0.015);
  EXPECT_NEAR(counts[2] / double(n), 0.625, 0.015);
}

TEST(Sampler, FiltersKeepWhatTheyShould) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.15f), std::log(0.05f)};
  EXPECT_EQ(draw(logits, {.temperature = 1, .top_k = 2}, 500).size(), 2u);
  // 0.5 < 0.7 <= 0.5 + 0.3: two tokens make up the nucleus.
  EXPECT_EQ(draw(logits, {.temperature = 1, .top_p = 0.7}, 500).size(), 2u);
  // 0.15 / 0.5 = 0.3 passes, 0.05 / 0.5 = 0.1 does not.
  EXPECT_EQ(draw(logits, {.temperature = 1, .min_p = 0.2}, 2000).size(), 3u);
}

TEST(Sampler, SameSeedSameTokens) {
  const std::vector<float> logits(50, 0.0f);
  Sampler a({.temperature = 1, .seed = 3}), b({.temperature = 1, .seed = 3}),
      c({.temperature = 1, .seed = 4});
  bool differs = false;
  for (int i = 0; i < 20; ++i) {
    std::vector<float> x = logits, y = logits, z = logits;
    const int32_t id = a.sample(x, {});
    EXPECT_EQ(id, b.sample(y, {}));
    differs |= id != c.sample(z, {});
  }
  EXPECT_TRUE(differs);
}

TEST(Sampler, RepetitionPenaltyTurnsAwayFromWhatWasSeen) {
  std::vector<float> logits = {2.0f, 1.9f, -0.1f};
  const std::vector<int32_t> seen = {0, 0, 2};
  EXPECT_EQ(Sampler({.repetition_penalty = 1.5}).sample(logits, seen), 1);
  EXPECT_FLOAT_EQ(logits[0], 2.0f / 1.5f);  // once, however often it was seen
  EXPECT_FLOAT_EQ(logits[2], -0.15f);
}

TEST(Sampler, RefusesNonsense) {
  EXPECT_THROW(Sampler({.temperature = -1}), Error);
  EXPECT_THROW(Sampler({.temperature = NAN}), Error);
  EXPECT_THROW(Sampler({.top_k = -1}), Error);
  EXPECT_THROW(Sampler({.top_p = 0}), Error);
  EXPECT_THROW(Sampler({.min_p = 1.5}), Error);
  EXPECT_THROW(Sampler({.repetition_penalty = 0}), Error);
  std::vector<float> broken = {NAN, NAN};
  EXPECT_THROW(Sampler({}).sample(broken, {}), Error);
}

}  // namespace
}  // namespace fptq
