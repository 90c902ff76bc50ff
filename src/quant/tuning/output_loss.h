// How far a model's predictions are from another's: the Kullback-Leibler divergence of the next token, and
// its gradient back through head and final norm.
#pragma once

#include <cstdint>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "quant/block_pass/head_pass.h"

namespace fptq {

// Holds the head as floats. Not thread-safe; uses all threads of the pool, and gives the same bits for any
// number of them.
class OutputLoss {
 public:
  OutputLoss(const WeightSource& source, Precision precision, ThreadPool& pool);

  // `hidden` and `teacher` [tokens, hidden_size] are what leaves the last block of the two models. Returns
  // the mean over tokens of KL(teacher || model), in nats; `gradient` [tokens, hidden_size] is that of the
  // mean with respect to `hidden`. Throws Error(kFailure) when it is not finite.
  double evaluate(const float* hidden, const float* teacher, int64_t tokens, float* gradient);

 private:
  HeadPass head_;
  AlignedBuffer<float> logits_, teacher_logits_;  // [HeadPass::kTokens, vocab]
};

}  // namespace fptq
