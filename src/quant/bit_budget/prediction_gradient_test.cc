#include "quant/bit_budget/prediction_gradient.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "expect_error.h"
#include "golden_head.h"
#include "quant/golden_data.h"

namespace fptq {
namespace {

using Floats = std::vector<float>;

struct PredictionGradientTest : testing::Test {
  const Json json = golden("bit_budget.json");
  const GoldenHead source{json};
  const Floats hidden = json["hidden"];
  const int64_t tokens = json["tokens"], width = json["hidden_size"], labels = json["vocab_size"];

  // The label whose gradient `row` is, or -1.
  int64_t label_of(int64_t token, const float* row) const {
    for (int64_t y = 0; y < labels; ++y) {
      const Floats expected = json["gradients"][static_cast<size_t>(token)][static_cast<size_t>(y)];
      bool same = true;
      for (int64_t i = 0; i < width; ++i)
        same &= std::fabs(row[i] - expected[static_cast<size_t>(i)]) < 2e-5f;
      if (same) return y;
    }
    return -1;
  }
};

TEST_F(PredictionGradientTest, IsPyTorchsForLabelsDrawnFromThePredictions) {
  ThreadPool pool(2);
  PredictionGradient predictions(source, Precision::kFloat, pool, 5);
  constexpr int kDraws = 4000;
  std::vector<std::vector<int>> counts(static_cast<size_t>(tokens),
                                       std::vector<int>(static_cast<size_t>(labels)));
  Floats gradient(hidden.size());
  for (int draw = 0; draw < kDraws; ++draw) {
    predictions.evaluate(hidden.data(), tokens, gradient.data());
    for (int64_t t = 0; t < tokens; ++t) {
      const int64_t label = label_of(t, gradient.data() + t * width);
      ASSERT_GE(label, 0) << "no label has this gradient";
      ++counts[static_cast<size_t>(t)][static_cast<size_t>(label)];
    }
  }
  for (size_t t = 0; t < counts.size(); ++t) {
    const std::vector<double> probabilities = json["probabilities"][t];
    for (size_t y = 0; y < probabilities.size(); ++y) {
      const double p = probabilities[y], deviation = std::sqrt(p * (1 - p) / kDraws);
      EXPECT_NEAR(counts[t][y] / static_cast<double>(kDraws), p, 4.5 * deviation) << t << " " << y;
    }
  }
}

TEST_F(PredictionGradientTest, DrawsDependOnTheSeedAloneNotOnThreads) {
  const auto draw = [&](int threads, uint64_t seed) {
    ThreadPool pool(threads);
    PredictionGradient predictions(source, Precision::kFloat, pool, seed);
    Floats all;
    for (int i = 0; i < 8; ++i) {
      Floats gradient(hidden.size());
      predictions.evaluate(hidden.data(), tokens, gradient.data());
      all.insert(all.end(), gradient.begin(), gradient.end());
    }
    return all;
  };
  EXPECT_EQ(draw(1, 3), draw(3, 3));
  EXPECT_NE(draw(1, 3), draw(1, 4));
}

TEST_F(PredictionGradientTest, PredictionsThatAreNoNumbersAreNamed) {
  ThreadPool pool(1);
  PredictionGradient predictions(source, Precision::kFloat, pool, 0);
  Floats broken = hidden, gradient(hidden.size());
  broken[1] = std::numeric_limits<float>::quiet_NaN();
  expect_error(ErrorKind::kFailure, {"predictions"},
               [&] { predictions.evaluate(broken.data(), tokens, gradient.data()); });
}

}  // namespace
}  // namespace fptq
