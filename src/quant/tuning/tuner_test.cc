#include "quant/tuning/tuner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "quant/kept_blocks.h"
#include "quant/story_source.h"

namespace fptq {
namespace {

// A story model rounded to nearest, and what the unquantized one makes of the windows.
struct TunerTest : testing::Test {
  TunerTest() {
    QuantizeOptions rtn;
    rtn.method = "rtn";
    rtn.group_size = 16;
    rtn.symmetric = false;
    rtn.dtype = "f32";  // else the first steps are too short to show
    ThreadPool pool(2);
    const auto backend = make_cpu_backend(pool);
    probe.windows = windows;
    quantize_blocks(source, *backend, {}, rtn, sink, &probe, no_progress());
  }
  TuningProblem problem() const {
    return {.source = source,
            .windows = windows,
            .teacher = probe.reference.data(),
            .blocks = sink.blocks,
            .dtype = DType::kF32};
  }

  const StorySource source;
  const std::vector<std::vector<int32_t>> windows = golden_windows();
  KeptBlocks sink;
  Probe probe;
};

TEST_F(TunerTest, ComesCloserToTheOriginal) {
  // All windows in every batch: divergences of steps are those of the same text.
  const TuningOptions options{.steps = 20, .batch_tokens = 1000, .precision = Precision::kFloat};
  ThreadPool pool(2);
  const auto backend = make_cpu_backend(pool);
  Tuner tuner(problem(), options, *backend);
  TuningState state = tuner.start();
  std::vector<double> divergences;
  for (int64_t i = 0; i < options.steps; ++i) divergences.push_back(tuner.step(state));
  EXPECT_GT(divergences.front(), 0.005);
  EXPECT_LT(divergences.back(), 0.75 * divergences.front());
  EXPECT_EQ(state.step, options.steps);
}

TEST_F(TunerTest, BeginsWithTheBlocksAsTheyAreAndKeepsTheirCodes) {
  const TuningOptions options{.steps = 2};
  ThreadPool pool(1);
  const auto backend = make_cpu_backend(pool);
  Tuner tuner(problem(), options, *backend);
  TuningState state = tuner.start();
  const auto expect_kept = [&](bool scales_too) {
    for (const QuantizedBlock& before : sink.blocks) {
      const QuantizedBlock after = tuner.tuned(state, before.layer);
      for (size_t i = 0; i < before.linears.size(); ++i) {
        EXPECT_TRUE(same(before.linears[i].codes, after.linears[i].codes));
        EXPECT_TRUE(same(before.linears[i].zero_points, after.linears[i].zero_points));
        EXPECT_EQ(same(before.linears[i].scales, after.linears[i].scales), scales_too);
        after.linears[i].validate("tuned");
      }
      const AlignedBuffer<float> norm = before.mlp_norm.to_floats(), moved = after.mlp_norm.to_floats();
      bool same_norm = true;
      for (size_t i = 0; i < norm.size(); ++i) same_norm &= moved[i] == norm[i];
      EXPECT_EQ(same_norm, scales_too);
    }
  };
  expect_kept(true);
  tuner.step(state);
  expect_kept(false);
}

TEST_F(TunerTest, SameBitsForAnyNumberOfThreadsAndWhenItGoesOn) {
  const TuningOptions options{.steps = 4, .batch_tokens = 60};  // a window a step: the order matters
  std::vector<TuningState> results;
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    const auto backend = make_cpu_backend(pool);
    Tuner first(problem(), options, *backend);
    TuningState state = first.start();
    first.step(state);
    first.step(state);
    Tuner second(problem(), options, *backend);
    Tuner& rest = threads == 1 ? first : second;
    ASSERT_TRUE(rest.fits(state));
    while (state.step < options.steps) rest.step(state);
    results.push_back(std::move(state));
  }
  EXPECT_TRUE(std::ranges::equal(results[0].values, results[1].values));
}

TEST_F(TunerTest, KnowsStatesOfOthers) {
  ThreadPool pool(1);
  const auto backend = make_cpu_backend(pool);
  Tuner tuner(problem(), {.steps = 3}, *backend);
  TuningState state = tuner.start();
  EXPECT_TRUE(tuner.fits(state));
  state.step = 4;
  EXPECT_FALSE(tuner.fits(state));
  state.step = 1;
  state.values = AlignedBuffer<float>(17);
  EXPECT_FALSE(tuner.fits(state));
}

}  // namespace
}  // namespace fptq
