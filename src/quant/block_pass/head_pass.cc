#include "quant/block_pass/head_pass.h"

#include <algorithm>

#include "quant/block_pass/row_ops.h"

namespace fptq {
namespace {

constexpr int64_t kRowsOfHead = 256;  // that a thread takes at a time
constexpr int64_t kTokensOfThread = 16;

}  // namespace

HeadPass::HeadPass(const WeightSource& source, Precision precision, ThreadPool& pool)
    : precision_(precision),
      pool_(pool),
      width_(source.config().hidden_size),
      vocab_(source.config().vocab_size),
      eps_(source.config().rms_norm_eps),
      final_norm_(source.final_norm().to_floats()),
      head_(static_cast<size_t>(vocab_ * width_)),
      normed_(static_cast<size_t>(kTokens * width_)) {
  const LinearWeights head = source.head();
  pool.parallel_for(vocab_, kRowsOfHead, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) head.decode_row(r, head_.data() + r * width_);
  });
}

void HeadPass::forward(const float* hidden, int64_t tokens, float* logits) {
  pool_.parallel_for(tokens, kTokensOfThread, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float* x = hidden + t * width_;
      rms_norm(x, final_norm_.data(), rms_norm_factor(x, width_, eps_), width_, normed_.data() + t * width_);
    }
  });
  product(precision_, pool_, tokens, vocab_, width_, {normed_.data(), width_}, {head_.data(), width_, true},
          0.0f, logits, vocab_);
}

void HeadPass::backward(const float* hidden, const float* slopes, int64_t tokens, float* gradient) {
  product(precision_, pool_, tokens, width_, vocab_, {slopes, vocab_}, {head_.data(), width_}, 0.0f,
          normed_.data(), width_);
  pool_.parallel_for(tokens, kTokensOfThread, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float* x = hidden + t * width_;
      float* dx = gradient + t * width_;
      std::fill_n(dx, width_, 0.0f);
      rms_norm_backward(x, final_norm_.data(), rms_norm_factor(x, width_, eps_), normed_.data() + t * width_,
                        width_, dx);
    }
  });
}

}  // namespace fptq
