// Gradients that carry the curvature of a model's predictions: of -log p(y), with y drawn from p itself.
#pragma once

#include <cstdint>
#include <random>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "quant/block_pass/head_pass.h"

namespace fptq {

// The mean of their outer products is the Fisher information, and half of that the second derivative of the
// divergence KL(p || p') at p' = p (Amari, "Natural gradient works efficiently in learning", 1998). Labels
// from a text would make it the "empirical" Fisher, which is another thing (Kunstner et al., arXiv
// 1905.12558). Holds the head as floats. Not thread-safe; the same bits for any number of threads.
class PredictionGradient {
 public:
  // Refers to its arguments. `seed` determines all draws.
  PredictionGradient(const WeightSource& source, Precision precision, ThreadPool& pool, uint64_t seed);

  // `hidden` [tokens, hidden_size] leaves the last block. Writes the gradient [tokens, hidden_size] of the
  // sum of the tokens' -log p(y) with respect to it, each token's y drawn anew. Throws Error(kFailure) when
  // a probability is not a number.
  void evaluate(const float* hidden, int64_t tokens, float* gradient);

 private:
  HeadPass head_;
  std::mt19937_64 random_;
  AlignedBuffer<float> logits_;  // [HeadPass::kTokens, vocab]
};

}  // namespace fptq
