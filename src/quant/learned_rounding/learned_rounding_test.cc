#include "quant/learned_rounding/learned_rounding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "expect_error.h"
#include "model/shapes.h"
#include "quant/block_pass/block_pass.h"
#include "quant/round_to_nearest.h"
#include "synthetic_source.h"

namespace fptq {
namespace {

// A block of random weights, rounded to nearest, and what it made of random inputs before that.
class LearnedRoundingTest : public testing::Test {
 protected:
  LearnedRoundingTest() {
    config_ = SyntheticSource::small_config();
    config_.qkv_bias = true;
    const SyntheticSource source(config_);
    for (const LinearId id : kAllLinears) originals_.push_back(source.linear(1, id));
    for (const LinearWeights& w : originals_) weights_.emplace_back(w, std::span<const float>(), "weight");
    for (const NormId id : {NormId::kAttention, NormId::kMlp}) {
      norms_.push_back(source.norm(1, id).to_floats());
    }
    std::mt19937_64 generator(5);
    inputs_.resize(static_cast<size_t>(tokens() * config_.hidden_size));
    for (float& x : inputs_) x = static_cast<float>(generator() >> 40) * 0x1p-23f - 1.0f;
    targets_ = outputs_of_originals();
    for (ActivationSpec& a : activations_) a.mode = ActivationMode::kDynamicToken;
    activations_[1] = {ActivationMode::kStaticTensor, true, 0.01f, 0};
    start({4, 32, true}, DType::kBF16);
  }

  int64_t tokens() const {
    int64_t sum = 0;
    for (const int64_t count : windows_) sum += count;
    return sum;
  }

  void start(const WeightSpec& spec, DType scale_dtype) {
    initial_.clear();
    ThreadPool pool(1);
    for (const WeightRows& w : weights_) initial_.push_back(round_to_nearest(w, spec, scale_dtype, pool));
  }

  RoundingProblem problem() const {
    return {.config = config_,
            .layer = 1,
            .weights = weights_,
            .initial = initial_,
            .attention_norm = norms_[0],
            .mlp_norm = norms_[1],
            .activations = activations_,
            .windows = windows_,
            .inputs = inputs_.data(),
            .targets = targets_.data()};
  }

  LearnedRounding learn(const RoundingOptions& options, int threads = 1) const {
    ThreadPool pool(threads);
    return learn_rounding(problem(), options, pool, [](int64_t, double) {});
  }

  std::vector<float> outputs_of_originals() const {
    ThreadPool pool(1);
    BlockFacts facts{.config = &config_,
                     .layer = 1,
                     .attention_norm = norms_[0],
                     .mlp_norm = norms_[1],
                     .activations = {},
                     .biases = {}};
    std::vector<AlignedBuffer<float>> biases;
    for (const LinearWeights& w : originals_)
      biases.push_back(w.bias ? w.bias.to_floats() : AlignedBuffer<float>());
    for (size_t i = 0; i < biases.size(); ++i) facts.biases[i] = biases[i];
    BlockPass pass(facts, tokens(), pool);
    for (const LinearId id : kAllLinears) pass.set_weights(id, originals_[static_cast<size_t>(id)]);
    std::vector<TokenWindow> windows;
    for (int64_t begin = 0; const int64_t count : windows_) {
      windows.push_back({begin, count});
      begin += count;
    }
    const float* output = pass.forward({windows, inputs_.data()});
    return {output, output + inputs_.size()};
  }

  ModelConfig config_;
  std::vector<LinearWeights> originals_, initial_;
  std::vector<WeightRows> weights_;
  std::vector<AlignedBuffer<float>> norms_;
  std::array<ActivationSpec, kAllInputs.size()> activations_{};
  std::vector<int64_t> windows_ = {30, 17, 40, 33, 25, 38};
  std::vector<float> inputs_, targets_;
};

bool same(const LinearWeights& a, const LinearWeights& b) {
  const auto same_bytes = [](const Tensor& x, const Tensor& y) {
    return x.bytes().size() == y.bytes().size() &&
           (x.bytes().empty() || std::memcmp(x.bytes().data(), y.bytes().data(), x.bytes().size()) == 0);
  };
  return same_bytes(a.codes, b.codes) && same_bytes(a.scales, b.scales) &&
         same_bytes(a.zero_points, b.zero_points);
}

TEST_F(LearnedRoundingTest, NoIterationsGiveTheStartBack) {
  const LearnedRounding result = learn({.iterations = 0, .batch_tokens = 64});
  ASSERT_EQ(result.linears.size(), kAllLinears.size());
  for (size_t i = 0; i < initial_.size(); ++i) EXPECT_TRUE(same(result.linears[i], initial_[i])) << i;
  EXPECT_EQ(result.loss, result.initial_loss);
  EXPECT_EQ(result.iteration, 0);
}

TEST_F(LearnedRoundingTest, TakesAThirdOffTheErrorOfRoundingToNearest) {
  for (const bool symmetric : {true, false}) {
    start({4, 32, symmetric}, DType::kBF16);
    const LearnedRounding result = learn({.iterations = 60, .batch_tokens = 64});
    EXPECT_LT(result.loss, 0.67 * result.initial_loss) << symmetric;
    EXPECT_GT(result.iteration, 40);
    for (size_t i = 0; i < initial_.size(); ++i) {
      const LinearWeights& w = result.linears[i];
      w.validate("learned");
      EXPECT_EQ(w.spec, initial_[i].spec);
      EXPECT_EQ(w.scales.dtype(), DType::kBF16);
      EXPECT_EQ(w.activation, activations_[static_cast<size_t>(input_of(kAllLinears[i]))]);
      EXPECT_EQ(static_cast<bool>(w.bias), static_cast<bool>(originals_[i].bias));
      EXPECT_FALSE(same(w, initial_[i]));
    }
  }
}

TEST_F(LearnedRoundingTest, GridsStayWhereRangesAreNotLearned) {
  const LearnedRounding result = learn({.iterations = 20, .batch_tokens = 64, .learn_range = false});
  EXPECT_LT(result.loss, result.initial_loss);
  for (size_t i = 0; i < initial_.size(); ++i) {
    const auto scales = result.linears[i].scales.bytes(), before = initial_[i].scales.bytes();
    EXPECT_EQ(std::memcmp(scales.data(), before.data(), before.size()), 0);
  }
}

TEST_F(LearnedRoundingTest, SameBitsForAnyNumberOfThreads) {
  const RoundingOptions options = {.iterations = 12, .batch_tokens = 64, .seed = 3};
  const LearnedRounding one = learn(options, 1), three = learn(options, 3);
  EXPECT_EQ(one.loss, three.loss);
  for (size_t i = 0; i < initial_.size(); ++i) EXPECT_TRUE(same(one.linears[i], three.linears[i])) << i;
}

TEST_F(LearnedRoundingTest, IsNeverWorseThanItsStart) {
  // Targets that the start meets exactly: every step away from it loses.
  for (ActivationSpec& a : activations_) a = {};
  const std::vector<LinearWeights> originals = std::exchange(originals_, initial_);
  targets_ = outputs_of_originals();
  const LearnedRounding result = learn({.iterations = 8, .batch_tokens = 64});
  EXPECT_EQ(result.iteration, 0);
  for (size_t i = 0; i < initial_.size(); ++i) EXPECT_TRUE(same(result.linears[i], initial_[i])) << i;
}

TEST_F(LearnedRoundingTest, TokensOfNoWeightTeachNothing) {
  std::vector<float> token_weights(static_cast<size_t>(tokens()), 1.0f);
  token_weights[3] = 0.0f;
  const auto learned = [&] {
    ThreadPool pool(1);
    RoundingProblem p = problem();
    p.token_weights = token_weights;
    return learn_rounding(p, {.iterations = 6, .batch_tokens = 64}, pool, [](int64_t, double) {});
  };
  const LearnedRounding before = learned();
  for (int64_t j = 0; j < config_.hidden_size; ++j)
    targets_[static_cast<size_t>(3 * config_.hidden_size + j)] = 1e3f;
  const LearnedRounding after = learned();
  EXPECT_EQ(before.loss, after.loss);
  for (size_t i = 0; i < initial_.size(); ++i) EXPECT_TRUE(same(before.linears[i], after.linears[i])) << i;
}

TEST_F(LearnedRoundingTest, TheCallerMayStopIt) {
  ThreadPool pool(1);
  int64_t calls = 0;
  const auto stop = [&](int64_t iteration, double loss) {
    EXPECT_EQ(iteration, calls++);
    EXPECT_GT(loss, 0.0);
    if (iteration == 2) throw std::runtime_error("enough");
  };
  EXPECT_THROW(learn_rounding(problem(), {.iterations = 9, .batch_tokens = 64}, pool, stop),
               std::runtime_error);
  EXPECT_EQ(calls, 3);
}

TEST_F(LearnedRoundingTest, RefusesCodesThatAreNoIntegersAndScalesOfWholeMatrices) {
  const LinearWeights good = initial_[2];
  initial_[2].spec.type = CodeType::kFloat8E4M3;
  expect_error(ErrorKind::kUsage, {"layer 1", "integers"}, [&] { learn({.iterations = 0}); });
  initial_[2] = good;
  initial_[2].spec.per_tensor = true;
  expect_error(ErrorKind::kUsage, {"layer 1", "integers"}, [&] { learn({.iterations = 0}); });
  initial_[2] = originals_[2];
  expect_error(ErrorKind::kUsage, {"layer 1", "integers"}, [&] { learn({.iterations = 0}); });
}

TEST_F(LearnedRoundingTest, RefusesNumbersThatAreNone) {
  inputs_[77] = NAN;
  expect_error(ErrorKind::kFailure, {"layer 1", "finite"},
               [&] { learn({.iterations = 1, .batch_tokens = 1000}); });
}

}  // namespace
}  // namespace fptq
