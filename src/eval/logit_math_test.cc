#include "eval/logit_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace fptq {
namespace {

// Values that floats hold exactly, so that the golden numbers (NumPy, float64) need no tolerance for the
// inputs.
std::vector<float> model_row(int r) {
  std::vector<float> row(7);
  for (int c = 0; c < 7; ++c) row[c] = static_cast<float>(((r * 31 + c * 17 + 7) * 37 % 101) / 16.0 - 3.0);
  return row;
}

std::vector<float> reference_row(int r) {
  std::vector<float> row = model_row(r);
  for (int c = 0; c < 7; ++c) row[c] += static_cast<float>(((r * 13 + c * 29) % 11 - 5) / 8.0);
  return row;
}

TEST(LogitMath, SummaryEqualsNumpy) {
  const LogitSummary summary = summarize_logits(model_row(0));
  EXPECT_TRUE(summary.finite);
  EXPECT_EQ(summary.argmax, 6);
  EXPECT_NEAR(summary.log_sum_exp, 3.47734417447745, 1e-13);
}

TEST(LogitMath, LargeLogitsDoNotOverflow) {
  const std::vector<float> row = {3e38f, 3e38f, -3e38f};
  const LogitSummary summary = summarize_logits(row);
  EXPECT_DOUBLE_EQ(summary.log_sum_exp, static_cast<double>(3e38f));
  EXPECT_EQ(summary.argmax, 0) << "the first of equals";
}

TEST(LogitMath, NonFiniteLogitsAreReported) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    for (size_t at = 0; at < 3; ++at) {
      std::vector<float> row = {1, 2, 3};
      row[at] = bad;
      EXPECT_FALSE(summarize_logits(row).finite) << bad << " at " << at;
    }
  }
}

TEST(LogitMath, DivergenceEqualsNumpy) {
  const double golden[] = {0.0453195746015846, 0.0718472018077897, 0.0288618202975944,
                           0.0631188903521216, 0.038791808249728,  0.0688734659535881};
  for (int r = 0; r < 6; ++r) {
    const std::vector<float> a = model_row(r), b = reference_row(r);
    EXPECT_NEAR(kl_divergence(b, summarize_logits(b), a, summarize_logits(a)), golden[r], 1e-13) << r;
  }
}

TEST(LogitMath, HistogramEqualsNumpy) {
  // np.histogram with the edges -1, 1e-5 * 10 ** (np.arange(25) / 4) and infinity.
  const std::vector<double> kl = {0, 9e-6, 1.01e-5, 1.7e-5, 1.8e-5, 1.1e-3, 0.5, 1.05, 9.9, 10.5, 1e9};
  EXPECT_EQ(histogram_of(kl).counts, (std::vector<int64_t>{2, 2, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
                                                           0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 2}));
}

TEST(LogitMath, DivergenceFromItselfIsZero) {
  const std::vector<float> row = model_row(3);
  const LogitSummary summary = summarize_logits(row);
  EXPECT_EQ(kl_divergence(row, summary, row, summary), 0.0);
}

TEST(LogitMath, PercentilesInterpolateAsNumpyDoes) {
  const std::vector<double> sorted = {1, 2, 4, 8};
  EXPECT_DOUBLE_EQ(percentile(sorted, 0), 1);
  EXPECT_DOUBLE_EQ(percentile(sorted, 10), 1.3);
  EXPECT_DOUBLE_EQ(percentile(sorted, 50), 3);
  EXPECT_DOUBLE_EQ(percentile(sorted, 95), 7.4);
  EXPECT_DOUBLE_EQ(percentile(sorted, 100), 8);
  EXPECT_DOUBLE_EQ(percentile(std::vector<double>{5}, 99), 5);
}

TEST(LogitMath, PerplexityOfOneTokenHasNoError) {
  const PerplexityEstimate estimate = estimate_perplexity(std::vector<double>{std::log(20.0)});
  EXPECT_DOUBLE_EQ(estimate.perplexity, 20.0);
  EXPECT_EQ(estimate.standard_error, 0.0);
}

}  // namespace
}  // namespace fptq
