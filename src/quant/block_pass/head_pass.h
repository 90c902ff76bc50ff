// Final norm and output head, forwards and backwards.
#pragma once

#include <cstdint>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "linalg/bgemm.h"
#include "model/weight_source.h"

namespace fptq {

// Holds the head as floats. Not thread-safe; uses all threads of the pool, and gives the same bits for any
// number of them.
class HeadPass {
 public:
  // Tokens whose logits are in memory at a time: the most that a call takes.
  static constexpr int64_t kTokens = 256;

  HeadPass(const WeightSource& source, Precision precision, ThreadPool& pool);

  int64_t width() const { return width_; }
  int64_t vocab() const { return vocab_; }
  ThreadPool& pool() const { return pool_; }

  // Of `hidden` [tokens, width], which leaves the last block; `logits` [tokens, vocab].
  void forward(const float* hidden, int64_t tokens, float* logits);
  // `slopes` [tokens, vocab] are the loss's in the logits; `gradient` [tokens, width] becomes its in
  // `hidden`.
  void backward(const float* hidden, const float* slopes, int64_t tokens, float* gradient);

 private:
  Precision precision_;
  ThreadPool& pool_;
  int64_t width_, vocab_;
  float eps_;
  AlignedBuffer<float> final_norm_;  // [width]
  AlignedBuffer<float> head_;        // [vocab, width]
  AlignedBuffer<float> normed_;      // [kTokens, width]: hidden states behind the norm, or their gradient
};

}  // namespace fptq
