#include "quant/tuning/output_loss.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "expect_error.h"
#include "golden_head.h"
#include "quant/golden_data.h"

namespace fptq {
namespace {

using Floats = std::vector<float>;

struct OutputLossTest : testing::Test {
  const Json json = golden("tuning.json")["output_loss"];
  const GoldenHead source{json};
  const Floats hidden = json["hidden"], teacher = json["teacher"];
  const int64_t tokens = json["tokens"];
};

TEST_F(OutputLossTest, DivergenceAndGradientArePyTorchs) {
  const Floats expected = json["gradient"];
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    OutputLoss loss(source, Precision::kFloat, pool);
    Floats gradient(hidden.size());
    EXPECT_NEAR(loss.evaluate(hidden.data(), teacher.data(), tokens, gradient.data()),
                json["loss"].get<double>(), 2e-6);
    float largest = 0.0f;
    for (const float g : expected) largest = std::max(largest, std::fabs(g));
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(gradient[i], expected[i], 1e-5f * largest);
  }
}

TEST_F(OutputLossTest, TheSameModelIsNoDistanceAway) {
  ThreadPool pool(1);
  OutputLoss loss(source, Precision::kFloat, pool);
  Floats gradient(hidden.size(), 1.0f);
  EXPECT_NEAR(loss.evaluate(hidden.data(), hidden.data(), tokens, gradient.data()), 0.0, 1e-6);
  for (const float g : gradient) EXPECT_NEAR(g, 0.0f, 1e-6f);
}

TEST_F(OutputLossTest, WhatIsNotFiniteIsRefused) {
  ThreadPool pool(1);
  OutputLoss loss(source, Precision::kFloat, pool);
  Floats broken = hidden, gradient(hidden.size());
  broken[3] = std::numeric_limits<float>::quiet_NaN();
  expect_error(ErrorKind::kFailure, {"tuning", "finite"},
               [&] { loss.evaluate(broken.data(), teacher.data(), tokens, gradient.data()); });
}

}  // namespace
}  // namespace fptq
