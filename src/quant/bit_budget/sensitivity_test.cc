#include "quant/bit_budget/sensitivity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "expect_error.h"
#include "quant/kept_blocks.h"
#include "quant/story_source.h"
#include "quant/tuning/output_loss.h"

namespace fptq {
namespace {

// Of 4 bits, in groups of 16 where they fit, and of 8.
std::vector<WeightSpec> two_forms(LinearId id) {
  return {{.bits = 4, .group_size = id == LinearId::kDown ? 0 : 16, .symmetric = false},
          {.bits = 8, .group_size = 0, .symmetric = false}};
}

struct SensitivityTest : testing::Test {
  std::vector<BlockCosts> costs(int threads, const WeightSource& of) const {
    ThreadPool pool(threads);
    const auto backend = make_cpu_backend(pool);
    return rounding_costs({.source = of,
                           .windows = windows,
                           .forms = [](int64_t, LinearId id) { return two_forms(id); },
                           .scale_dtype = DType::kF32,
                           .precision = Precision::kFloat},
                          *backend, no_progress());
  }

  // The divergence when one layer alone is rounded to four bits, by the pipeline and the engine.
  double measured(int64_t layer, LinearId id) const {
    QuantizeOptions o;
    o.method = "rtn";
    o.scheme = "w4a16";
    o.group_size = 16;
    o.symmetric = false;
    o.dtype = "f32";
    RecipeRule others{.targets = {}, .ignore = true};
    for (int64_t l = 0; l < source.config().num_layers; ++l) {
      for (const LinearId other : kAllLinears) {
        if (l != layer || other != id) others.targets.push_back(module_name(l, other));
      }
    }
    o.rules = {others};
    ThreadPool pool(2);
    const auto backend = make_cpu_backend(pool);
    KeptBlocks sink;
    Probe probe;
    probe.windows = windows;
    quantize_blocks(source, *backend, {}, o, sink, &probe, no_progress());
    OutputLoss loss(source, Precision::kFloat, pool);
    std::vector<float> unused(probe.quantized.size());
    const auto tokens = std::ssize(probe.quantized) / source.config().hidden_size;
    return loss.evaluate(probe.quantized.data(), probe.reference.data(), tokens, unused.data());
  }

  const StorySource source;
  // Many short ones: a window is one draw of the gradient.
  const std::vector<std::vector<int32_t>> windows = golden_windows(16, 24);
};

std::vector<size_t> ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size()), rank(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](size_t i) { return values[i]; });
  for (size_t r = 0; r < order.size(); ++r) rank[order[r]] = r;
  return rank;
}

// Spearman's.
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const std::vector<size_t> ra = ranks(a), rb = ranks(b);
  double squares = 0;
  for (size_t i = 0; i < ra.size(); ++i)
    squares += std::pow(static_cast<double>(ra[i]) - static_cast<double>(rb[i]), 2);
  const auto n = static_cast<double>(ra.size());
  return 1 - 6 * squares / (n * (n * n - 1));
}

TEST_F(SensitivityTest, IsTheDivergenceThatALayerCausesAlone) {
  const std::vector<BlockCosts> estimated = costs(2, source);
  std::vector<double> estimates, truths;
  for (int64_t layer = 0; layer < source.config().num_layers; ++layer) {
    for (const LinearId id : kAllLinears) {
      estimates.push_back(estimated[static_cast<size_t>(layer)][static_cast<size_t>(id)][0]);
      truths.push_back(measured(layer, id));
    }
  }
  EXPECT_GT(rank_correlation(estimates, truths), 0.9);
  const double ratio = std::accumulate(estimates.begin(), estimates.end(), 0.0) /
                       std::accumulate(truths.begin(), truths.end(), 0.0);
  EXPECT_GT(ratio, 0.7);
  EXPECT_LT(ratio, 1.4);
}

TEST_F(SensitivityTest, EightBitsCostHardlyAnything) {
  for (const BlockCosts& block : costs(1, source)) {
    for (const std::vector<double>& forms : block) {
      ASSERT_EQ(forms.size(), 2u);
      EXPECT_GT(forms[0], 30 * forms[1]);
      EXPECT_GT(forms[1], 0);
    }
  }
}

TEST_F(SensitivityTest, SameBitsForAnyNumberOfThreads) {
  EXPECT_EQ(costs(1, source), costs(3, source));
}

TEST_F(SensitivityTest, ReportsItsStepsAndCanBeCancelled) {
  struct Steps : Progress {
    void begin(const std::string& phase, int64_t n) override {
      EXPECT_EQ(phase, "sensitivity");
      total = n;
    }
    void update(int64_t n, const std::string&) override {
      EXPECT_EQ(n, ++done);
      if (done == 7) throw std::runtime_error("cancelled");
    }
    void end() override { ADD_FAILURE() << "was cancelled"; }
    int64_t total = 0, done = 0;
  } steps;
  ThreadPool pool(1);
  const auto backend = make_cpu_backend(pool);
  const SensitivityProblem problem{
      .source = source, .windows = windows, .forms = [](int64_t, LinearId id) { return two_forms(id); }};
  EXPECT_THROW(rounding_costs(problem, *backend, steps), std::runtime_error);
  EXPECT_EQ(steps.total, 2 * source.config().num_layers);
}

}  // namespace
}  // namespace fptq
