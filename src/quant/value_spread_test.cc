#include "quant/value_spread.h"

#include <gtest/gtest.h>

#include "quant/input_profile.h"

namespace fptq {
namespace {

constexpr int64_t kTokens = 23, kWidth = 37;

// Two tokens are much larger than the others.
std::vector<float> made() {
  std::vector<float> x;
  for (int64_t i = 0; i < kTokens * kWidth; ++i) {
    const int64_t t = i / kWidth;
    x.push_back(static_cast<float>((i * 37) % 101 - 30) / 8 * (t == 3 ? 40 : t == 10 ? 25 : 1));
  }
  return x;
}

TEST(ValueSpread, EqualsNumpyForAnyCutAndThreads) {
  const std::vector<float> x = made();
  for (const int threads : {1, 3}) {
    for (const int64_t cut : {int64_t{1}, int64_t{7}, kTokens}) {
      ThreadPool pool(threads);
      ValueSpread spread;
      for (int64_t t = 0; t < kTokens; t += cut)
        spread.add(pool, x.data() + t * kWidth, std::min(cut, kTokens - t), kWidth);
      // s = x.reshape(23, 37)[::5]; ((s - s.mean()) ** 4).mean() / s.var() ** 2
      EXPECT_NEAR(spread.kurtosis(), 9.509690795969435, 1e-12);
      EXPECT_EQ(spread.massive_tokens(), 2);
    }
  }
}

TEST(ValueSpread, IsNothingBeforeTheFirstTokenAndOfConstants) {
  ValueSpread spread;
  EXPECT_EQ(spread.kurtosis(), 0);
  EXPECT_EQ(spread.massive_tokens(), 0);
  ThreadPool pool(1);
  const std::vector<float> zeros(8);
  spread.add(pool, zeros.data(), 1, 8);
  EXPECT_EQ(spread.kurtosis(), 0);
  EXPECT_EQ(spread.massive_tokens(), 0);
}

TEST(InputProfile, ShowsChannelsBeforeAndAfterAndNamesOutliers) {
  ActivationStatistics s;
  s.channel_max.assign(200, 1.0f);
  s.channel_max[7] = 80.123456f;
  s.channel_max[150] = 20.0f;
  s.channel_max[151] = 10.0f;  // not more than ten times the median
  s.tokens = 5;
  std::vector<float> scales(200, 1.0f);
  scales[7] = 40.0f;
  const InputProfile p = input_profile(s, scales);
  EXPECT_EQ(p.channels, 200);
  EXPECT_EQ(p.tokens, 5);
  EXPECT_FLOAT_EQ(static_cast<float>(p.before.largest), 80.123456f);
  EXPECT_EQ(p.before.median, 1);
  EXPECT_EQ(p.after.largest, 20);
  ASSERT_EQ(p.before.bins.size(), static_cast<size_t>(kChannelBins));
  EXPECT_EQ(p.before.bins[3], 80.12) << "channels 6 and 7 of 200 in 96, to four digits";
  EXPECT_EQ(p.outlier_channels, 2);
  ASSERT_EQ(p.outliers.size(), 2u);
  EXPECT_EQ(p.outliers[0].channel, 7);
  EXPECT_NEAR(p.outliers[0].after, 2.003, 1e-3);
  EXPECT_EQ(p.outliers[1].channel, 150);
}

TEST(InputProfile, OfNoDataIsEmpty) {
  const InputProfile p = input_profile({}, {});
  EXPECT_EQ(p.tokens, 0);
  EXPECT_TRUE(p.before.bins.empty());
}

}  // namespace
}  // namespace fptq
