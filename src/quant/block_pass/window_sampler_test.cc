#include "quant/block_pass/window_sampler.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace fptq {
namespace {

std::vector<TokenWindow> windows_of(const std::vector<int64_t>& counts) {
  std::vector<TokenWindow> windows;
  for (int64_t begin = 0; const int64_t count : counts) {
    windows.push_back({begin, count});
    begin += count;
  }
  return windows;
}

std::vector<int64_t> draw(WindowSampler& sampler, int64_t tokens, int batches) {
  std::vector<int64_t> begins;
  for (int i = 0; i < batches; ++i) {
    for (const TokenWindow& w : sampler.next(tokens)) begins.push_back(w.begin);
  }
  return begins;
}

TEST(WindowSampler, TakesEveryWindowOnceBeforeAnyAgain) {
  WindowSampler sampler(windows_of(std::vector<int64_t>(10, 8)), 1);
  for (int round = 0; round < 3; ++round) {
    std::map<int64_t, int> times;
    for (const int64_t begin : draw(sampler, 16, 5)) ++times[begin];
    EXPECT_EQ(times.size(), 10u);
  }
}

TEST(WindowSampler, FillsBatchesWithWholeWindows) {
  WindowSampler sampler(windows_of({5, 9, 40, 3, 9, 6}), 2);
  for (int i = 0; i < 30; ++i) {
    const auto batch = sampler.next(20);
    ASSERT_FALSE(batch.empty());
    int64_t tokens = 0;
    for (const TokenWindow& w : batch) tokens += w.count;
    EXPECT_TRUE(tokens <= 20 || batch.size() == 1) << tokens;
  }
}

TEST(WindowSampler, HasNoMoreThanThereIs) {
  WindowSampler sampler(windows_of({5, 9}), 2);
  EXPECT_EQ(sampler.next(1000).size(), 2u);
}

TEST(WindowSampler, DrawsDependOnTheSeedAlone) {
  const auto windows = windows_of(std::vector<int64_t>(30, 8));
  WindowSampler a(windows, 5), b(windows, 5), c(windows, 6);
  const std::vector<int64_t> drawn = draw(a, 24, 20);
  EXPECT_EQ(drawn, draw(b, 24, 20));
  EXPECT_NE(drawn, draw(c, 24, 20));
}

}  // namespace
}  // namespace fptq
