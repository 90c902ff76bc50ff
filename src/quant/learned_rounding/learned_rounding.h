// Learned rounding, block by block: AutoRound (Cheng et al., arXiv 2309.05516). Signed gradient descent on
// the rounding of every weight and the range of every group, so that a quantized decoder block gives what the
// original one gave, with its inputs quantized too. The gradients come from a backward pass written by hand
// (block_pass.h).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "linalg/bgemm.h"
#include "model/config.h"
#include "model/layout.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

// One decoder block. Refers to everything, which outlives the call.
struct RoundingProblem {
  const ModelConfig& config;
  int64_t layer = 0;
  std::span<const WeightRows> weights;  // by LinearId, equalization folded in
  // By LinearId: grids and codes to start from. GPTQ's end with less error than the nearest points of the
  // same grids (SmolLM2, W4A8: block 0 after 200 iterations 0.0207 and 0.0216, block 5 after 60 0.0239 and
  // 0.0248).
  std::span<const LinearWeights> initial;
  std::span<const float> attention_norm;                      // [hidden_size], equalization folded in
  std::span<const float> mlp_norm;                            // [hidden_size]
  std::array<ActivationSpec, kAllInputs.size()> activations;  // by InputId
  std::span<const int64_t>
      windows;  // tokens of each, one at least; a window is a sequence that attends to nothing else
  const float* inputs = nullptr;   // [all tokens, hidden_size]: what the blocks before give to this one
  const float* targets = nullptr;  // the same shape: what it should make of them
  std::span<const float> token_weights = {};  // [all tokens], of their errors; empty for all ones
};

struct RoundingOptions {
  // Behaviour
  int64_t iterations = 200;
  int64_t batch_tokens = 4096;  // of an iteration, in whole windows, at least one; AutoRound takes 8 of 512
  // That offsets, and factors on ranges, move by in the first iteration, falling linearly to nothing; 0: the
  // paper's 1 / iterations, so that an offset can travel half a step of its grid in all.
  double offset_rate = 0.0;
  double range_rate = 0.0;
  bool learn_range = true;  // else grids stay those of `initial`
  uint64_t seed = 0;        // of the order of windows
  Precision precision = fast_precision();
};

struct LearnedRounding {
  // By LinearId, with the biases of the weights and the activations of the problem. Scales have the type of
  // `initial`.
  std::vector<LinearWeights> linears;
  // Mean squared error of the block's output on a fixed part of the windows.
  double initial_loss = 0.0;
  double loss = 0.0;
  // That the result was taken after; 0: it is `initial`, nothing better was found.
  int64_t iteration = 0;
};

// Called after each iteration with the loss on its batch. May throw to cancel.
using AfterIteration = std::function<void(int64_t iteration, double loss)>;

// Never worse than `initial` on the windows it looks at. The same bits for any number of threads. Throws
// Error(kUsage) when `initial` is not of integers with scales for every row or group, Error(kBadModel) when a
// weight is not finite, Error(kFailure) when a loss is not.
LearnedRounding learn_rounding(const RoundingProblem& problem, const RoundingOptions& options,
                               ThreadPool& pool, const AfterIteration& after_iteration);

}  // namespace fptq
