#include "quant/own_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "backend/backend.h"
#include "expect_error.h"
#include "quant/story_source.h"

namespace fptq {
namespace {

TEST(DrawId, FrequenciesFollowTheSoftmaxOfWhatIsAllowed) {
  const std::vector<float> logits = {std::log(1.0f), 9.0f, std::log(2.0f), std::log(5.0f)};
  const std::vector<int32_t> allowed = {0, 2, 3};
  std::mt19937_64 random(1);
  std::array<int, 4> counts{};
  const int draws = 20000;
  for (int i = 0; i < draws; ++i) ++counts[static_cast<size_t>(draw_id(logits, allowed, random))];
  EXPECT_NEAR(counts[0] / double(draws), 0.125, 0.012);
  EXPECT_EQ(counts[1], 0);
  EXPECT_NEAR(counts[2] / double(draws), 0.250, 0.015);
  EXPECT_NEAR(counts[3] / double(draws), 0.625, 0.015);
}

TEST(DrawId, LogitsThatAreNotFiniteAreRefused) {
  const std::vector<float> logits = {0.0f, std::numeric_limits<float>::quiet_NaN()};
  const std::vector<int32_t> allowed = {0, 1};
  std::mt19937_64 random(1);
  expect_error(ErrorKind::kFailure, {"logits", "not finite"}, [&] { draw_id(logits, allowed, random); });
}

class OwnText : public testing::Test {
 protected:
  OwnText() : allowed(500) {
    std::iota(allowed.begin(), allowed.end(), 3);
    options.nsamples = 35;  // more than are written at a time
    options.seqlen = 24;
    options.seed = 5;
  }
  TokenWindows write(int threads) {
    ThreadPool pool(threads);
    const auto backend = make_cpu_backend(pool);
    Model model(*backend, source);
    return write_windows(model, allowed, options, no_progress());
  }
  // Mean log-probability, by the model, of each id behind the first.
  double likelihood(const TokenWindows& windows) {
    ThreadPool pool(2);
    const auto backend = make_cpu_backend(pool);
    Model model(*backend, source);
    const auto vocab = static_cast<size_t>(model.config().vocab_size);
    std::vector<float> logits(static_cast<size_t>(options.seqlen) * vocab);
    double sum = 0;
    for (const std::vector<int32_t>& window : windows) {
      KvCache cache = model.make_cache();
      const SequenceInput input{.ids = window, .cache = &cache};
      model.forward({&input, 1});
      model.logits(model.hidden(), options.seqlen, logits.data());
      for (size_t t = 0; t + 1 < window.size(); ++t) {
        const std::span<const float> row = std::span(logits).subspan(t * vocab, vocab);
        double total = 0;
        for (const float l : row) total += std::exp(static_cast<double>(l));
        sum += row[static_cast<size_t>(window[t + 1])] - std::log(total);
      }
    }
    return sum / static_cast<double>(std::ssize(windows) * (options.seqlen - 1));
  }

  StorySource source;
  std::vector<int32_t> allowed;
  CalibrationOptions options;
};

TEST_F(OwnText, IsWhatTheModelExpects) {
  const TokenWindows windows = write(2);
  ASSERT_EQ(windows.size(), 35u);
  for (const std::vector<int32_t>& window : windows) {
    ASSERT_EQ(window.size(), 24u);
    EXPECT_TRUE(std::ranges::all_of(window, [](int32_t id) { return id >= 3 && id < 503; }));
  }
  // Ids drawn uniformly are what it does not: about -11 for this model, text of its own about -2.
  EXPECT_GT(likelihood(windows), -3.0);
  EXPECT_LT(likelihood(draw_windows(allowed, options)), -6.0);
}

TEST_F(OwnText, DependsOnTheSeedAndNotOnThreads) {
  const TokenWindows windows = write(1);
  EXPECT_EQ(write(3), windows);
  std::vector<std::vector<int32_t>> sorted = windows;
  std::ranges::sort(sorted);
  EXPECT_EQ(std::ranges::adjacent_find(sorted), sorted.end()) << "two windows are the same";
  options.seed = 6;
  EXPECT_NE(write(1), windows);
}

}  // namespace
}  // namespace fptq
