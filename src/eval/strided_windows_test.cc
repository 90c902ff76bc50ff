// Windows that overlap, on logits that are a function of what the window has shown so far.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "eval/perplexity.h"

namespace fptq {
namespace {

constexpr int64_t kVocabulary = 4;

// Each position is sure of the id that is its distance from the window's beginning, and notes what it was
// asked for.
class CountingLogits final : public LogitSource {
 public:
  int64_t vocab_size() const override { return kVocabulary; }
  void run_window(std::span<const int32_t> ids) override {
    ++windows_;
    length_ = std::ssize(ids);
  }
  const float* logits(int64_t begin, int64_t rows) override {
    EXPECT_LE(begin + rows, length_);
    asked_.push_back({begin, begin + rows});
    logits_.assign(static_cast<size_t>(rows * kVocabulary), 0);
    for (int64_t r = 0; r < rows; ++r)
      logits_[static_cast<size_t>(r * kVocabulary + std::min(begin + r, kVocabulary - 1))] = 1;
    return logits_.data();
  }

  int64_t windows_ = 0, length_ = 0;
  std::vector<std::pair<int64_t, int64_t>> asked_;
  std::vector<float> logits_;
};

EvalResult evaluate(CountingLogits& source, int64_t tokens, int64_t ctx, int64_t stride) {
  ThreadPool pool(1);
  const std::vector<int32_t> ids(static_cast<size_t>(tokens), 1);
  return evaluate_logits(source, nullptr, ids, ctx, stride, pool, no_progress());
}

// Windows at 0, 3 and 6; the first scores five tokens, the others three each, the 13th token is in none.
TEST(StridedWindows, EveryTokenButTheFirstIsScoredOnce) {
  CountingLogits source;
  const EvalResult result = evaluate(source, 13, 6, 3);
  EXPECT_EQ(source.windows_, 3);
  EXPECT_EQ(result.tokens, 12);
  EXPECT_EQ(result.stride, 3);
  EXPECT_EQ(result.scored, 11);
  EXPECT_THAT(source.asked_, testing::ElementsAre(std::pair(0, 5), std::pair(2, 5), std::pair(2, 5)));
}

TEST(StridedWindows, AStrideOfAWindowIsNoOverlap) {
  for (const int64_t stride : {0, 6}) {
    CountingLogits source;
    const EvalResult result = evaluate(source, 13, 6, stride);
    EXPECT_EQ(result.tokens, 12);
    EXPECT_EQ(result.stride, 6);
    EXPECT_EQ(result.scored, 10);
    EXPECT_THAT(source.asked_, testing::ElementsAre(std::pair(0, 6), std::pair(0, 6)));
  }
}

}  // namespace
}  // namespace fptq
