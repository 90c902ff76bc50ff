#include "quant/observer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "expect_error.h"

namespace fptq {
namespace {

std::vector<float> noise(int64_t count) {
  std::mt19937 random(3);
  std::vector<float> x(static_cast<size_t>(count));
  for (float& v : x) v = static_cast<float>(static_cast<int32_t>(random())) * 0x1p-20f;
  return x;
}

TEST(Observer, MaximaAreThoseOfAllTokensForAnyCutAndThreads) {
  // Not a multiple of the column chunk, and wider than one.
  const int64_t tokens = 37, width = 300;
  const std::vector<float> x = noise(tokens * width);
  std::vector<float> expected(static_cast<size_t>(width), 0.0f);
  for (size_t i = 0; i < x.size(); ++i) {
    float& m = expected[i % static_cast<size_t>(width)];
    m = std::max(m, std::fabs(x[i]));
  }
  for (const int threads : {1, 3}) {
    for (const int64_t cut : {int64_t{1}, int64_t{5}, tokens}) {
      ThreadPool pool(threads);
      ActivationObserver observer(pool);
      for (int64_t t = 0; t < tokens; t += cut) {
        observer.on_linear_input(0, InputId::kO, x.data() + t * width, std::min(cut, tokens - t), width);
      }
      EXPECT_EQ(observer.of(InputId::kO).channel_max, expected);
      EXPECT_EQ(observer.of(InputId::kO).tokens, tokens);
      EXPECT_EQ(observer.of(InputId::kO).max(), *std::max_element(expected.begin(), expected.end()));
      EXPECT_TRUE(observer.of(InputId::kDown).channel_max.empty());
    }
  }
}

TEST(Observer, MeansAreThoseOfAllTokensForAnyCutAndThreads) {
  const int64_t tokens = 37, width = 300;
  const std::vector<float> x = noise(tokens * width);
  for (const int threads : {1, 3}) {
    for (const int64_t cut : {int64_t{5}, tokens}) {
      ThreadPool pool(threads);
      ActivationObserver observer(pool, {.mean = true}, tokens);
      for (int64_t t = 0; t < tokens; t += cut) {
        observer.on_linear_input(0, InputId::kO, x.data() + t * width, std::min(cut, tokens - t), width);
      }
      observer.finish();
      for (int64_t j = 0; j < width; ++j) {
        double sum = 0;
        for (int64_t t = 0; t < tokens; ++t) sum += std::fabs(x[static_cast<size_t>(t * width + j)]);
        EXPECT_FLOAT_EQ(observer.of(InputId::kO).channel_mean[static_cast<size_t>(j)],
                        static_cast<float>(sum / tokens));
      }
      observer.reset();
      EXPECT_TRUE(observer.of(InputId::kO).channel_mean.empty());
    }
  }
}

TEST(Observer, ResetForgets) {
  ThreadPool pool(1);
  ActivationObserver observer(pool);
  const float x[] = {1, -2};
  observer.on_linear_input(0, InputId::kMlp, x, 1, 2);
  observer.reset();
  EXPECT_EQ(observer.of(InputId::kMlp).tokens, 0);
  EXPECT_EQ(observer.of(InputId::kMlp).max(), 0.0f);
  const float wider[] = {0.5f, -0.25f, 0.0f};
  observer.on_linear_input(1, InputId::kMlp, wider, 1, 3);
  EXPECT_EQ(observer.of(InputId::kMlp).channel_max, (std::vector<float>{0.5f, 0.25f, 0.0f}));
}

TEST(Observer, NanAndInfinityAreKeptAndRefused) {
  for (const float bad : {std::nanf(""), -std::nanf(""), -std::numeric_limits<float>::infinity()}) {
    ThreadPool pool(1);
    ActivationObserver observer(pool);
    const float x[] = {1, 2, 3, bad,
                       5, 6, 7, 8};  // two tokens of four channels; the bad one is overwritten by 8
    observer.on_linear_input(0, InputId::kDown, x, 2, 4);
    expect_error(ErrorKind::kBadModel, {"m:layer 2 down input", "channel 3"},
                 [&] { check_finite(observer.of(InputId::kDown), "m:layer 2 down input"); });
  }
}

}  // namespace
}  // namespace fptq
