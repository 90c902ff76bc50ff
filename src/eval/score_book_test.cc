#include "eval/score_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "fptq/error.h"

namespace fptq {
namespace {

constexpr int64_t kRows = 6, kVocabulary = 7;
const std::vector<int32_t> kNext = {3, 0, 6, -1, 2, 5};

std::vector<float> model_logits() {
  std::vector<float> x;
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kVocabulary; ++c) {
      x.push_back(static_cast<float>(((r * 31 + c * 17 + 7) * 37 % 101) / 16.0 - 3.0));
    }
  }
  return x;
}

std::vector<float> reference_logits() {
  std::vector<float> x = model_logits();
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kVocabulary; ++c) {
      x[r * kVocabulary + c] += static_cast<float>(((r * 13 + c * 29) % 11 - 5) / 8.0);
    }
  }
  return x;
}

std::string position(int64_t i) {
  return "window 1 of 1, position " + std::to_string(i);
}

EvalResult score(const std::vector<float>& model, const float* reference, int threads) {
  ThreadPool pool(threads);
  ScoreBook book(pool, kVocabulary);
  book.add(model.data(), reference, kNext, position);
  EvalResult result;
  book.fill(result);
  return result;
}

// The golden numbers are NumPy's, float64.
TEST(ScoreBook, PerplexityEqualsNumpy) {
  const EvalResult result = score(model_logits(), nullptr, 1);
  EXPECT_EQ(result.scored, 5);
  EXPECT_NEAR(result.perplexity, 18.532483441276, 1e-11);
  EXPECT_NEAR(result.perplexity_stderr, 13.7475952251769, 1e-11);
  EXPECT_FALSE(result.kl.has_value());
}

TEST(ScoreBook, DivergenceCoversAllPositionsAndEqualsNumpy) {
  const std::vector<float> reference = reference_logits();
  const EvalResult result = score(model_logits(), reference.data(), 1);
  EXPECT_NEAR(result.reference_perplexity, 25.0899616546791, 1e-11);
  ASSERT_TRUE(result.kl.has_value());
  EXPECT_NEAR(result.kl->mean, 0.0528021268770677, 1e-13);
  EXPECT_NEAR(result.kl->median, 0.0542192324768531, 1e-13);
  EXPECT_NEAR(result.kl->p95, 0.0711037678442393, 1e-13);
  EXPECT_NEAR(result.kl->p99, 0.0716985150150796, 1e-13);
  EXPECT_NEAR(result.kl->max, 0.0718472018077897, 1e-13);
  EXPECT_NEAR(result.kl->top1, 0.5, 1e-13);
}

TEST(ScoreBook, ChangeOfProbabilitiesAndRatioEqualNumpy) {
  const std::vector<float> reference = reference_logits();
  const EvalResult result = score(model_logits(), reference.data(), 1);
  EXPECT_NEAR(result.perplexity_ratio, 0.738641361686571, 1e-13);
  EXPECT_NEAR(result.perplexity_ratio_stderr, 0.13612893956783, 1e-13);
  ASSERT_TRUE(result.probability_change.has_value());
  const ProbabilityChange& change = *result.probability_change;
  EXPECT_NEAR(change.mean, 0.0404030270259674, 1e-13);
  EXPECT_NEAR(change.rms, 0.0690939436203136, 1e-13);
  EXPECT_NEAR(change.min, -0.00271043103861386, 1e-13);
  EXPECT_NEAR(change.p1, -0.0021983983517985, 1e-13);
  EXPECT_NEAR(change.p5, -0.000150267604537076, 1e-13);
  EXPECT_NEAR(change.p25, 0.0100903861317701, 1e-13);
  EXPECT_NEAR(change.median, 0.0180234761223241, 1e-13);
  EXPECT_NEAR(change.p75, 0.0256959077588569, 1e-13);
  EXPECT_NEAR(change.p95, 0.125871818476171, 1e-13);
  EXPECT_NEAR(change.p99, 0.145907000619634, 1e-13);
  EXPECT_NEAR(change.max, 0.1509157961555, 1e-13);
}

TEST(ScoreBook, PiecesAndThreadsChangeNothing) {
  const std::vector<float> model = model_logits(), reference = reference_logits();
  const EvalResult whole = score(model, reference.data(), 1);
  ThreadPool pool(3);
  ScoreBook book(pool, kVocabulary);
  const std::span<const int32_t> next(kNext);
  book.add(model.data(), reference.data(), next.first(2), position);
  book.add(model.data() + 2 * kVocabulary, reference.data() + 2 * kVocabulary, next.subspan(2), position);
  EvalResult pieces;
  book.fill(pieces);
  EXPECT_EQ(pieces.perplexity, whole.perplexity);
  EXPECT_EQ(pieces.kl->mean, whole.kl->mean);
  EXPECT_EQ(pieces.kl->p99, whole.kl->p99);
}

TEST(ScoreBook, NonFiniteLogitsAreAnErrorThatNamesThePosition) {
  for (const bool in_reference : {false, true}) {
    std::vector<float> model = model_logits(), reference = reference_logits();
    (in_reference ? reference : model)[4 * kVocabulary + 1] = std::numeric_limits<float>::infinity();
    try {
      score(model, reference.data(), 2);
      FAIL() << "no error";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kFailure);
      EXPECT_THAT(e.what(), testing::HasSubstr("window 1 of 1, position 4: "));
    }
  }
}

}  // namespace
}  // namespace fptq
