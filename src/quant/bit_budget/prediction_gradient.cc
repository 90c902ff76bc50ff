#include "quant/bit_budget/prediction_gradient.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "fptq/error.h"
#include "quant/block_pass/row_ops.h"

namespace fptq {
namespace {

// Tokens whose logits are in memory at a time.
constexpr int64_t kTokens = 256;
constexpr int64_t kRowsOfHead = 256;
constexpr int64_t kRowsOfThread = 16;

}  // namespace

PredictionGradient::PredictionGradient(const WeightSource& source, Precision precision, ThreadPool& pool,
                                       uint64_t seed)
    : precision_(precision),
      pool_(pool),
      random_(seed),
      width_(source.config().hidden_size),
      vocab_(source.config().vocab_size),
      eps_(source.config().rms_norm_eps),
      final_norm_(source.final_norm().to_floats()),
      head_(static_cast<size_t>(vocab_ * width_)),
      normed_(static_cast<size_t>(kTokens * width_)),
      logits_(static_cast<size_t>(kTokens * vocab_)) {
  const LinearWeights head = source.head();
  pool.parallel_for(vocab_, kRowsOfHead, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) head.decode_row(r, head_.data() + r * width_);
  });
}

// Logits become probabilities, less one for the label that `draw` in [0, 1) falls on.
void PredictionGradient::to_slope(float* logits, double draw) const {
  exponentials(largest(logits, vocab_), vocab_, logits);
  const float sum = sum_of(logits, vocab_);
  if (!std::isfinite(sum)) {
    throw Error(ErrorKind::kFailure, "sensitivity", "the model's predictions are no finite numbers",
                "check the model with fptq eval");
  }
  scale_by(1.0f / sum, vocab_, logits);
  double passed = 0.0;
  int64_t label = 0;
  for (; label < vocab_ - 1; ++label) {
    passed += static_cast<double>(logits[label]);
    if (passed > draw) break;
  }
  logits[label] -= 1.0f;
}

void PredictionGradient::evaluate(const float* hidden, int64_t tokens, float* gradient) {
  std::vector<double> draws(static_cast<size_t>(tokens));
  for (double& draw : draws) draw = static_cast<double>(random_() >> 11) * 0x1p-53;
  for (int64_t begin = 0; begin < tokens; begin += kTokens) {
    const int64_t count = std::min(kTokens, tokens - begin);
    const float* x = hidden + begin * width_;
    float* dx = gradient + begin * width_;
    const auto factor = [&](int64_t t) { return rms_norm_factor(x + t * width_, width_, eps_); };
    pool_.parallel_for(count, kRowsOfThread, [&](int64_t first, int64_t last) {
      for (int64_t t = first; t < last; ++t)
        rms_norm(x + t * width_, final_norm_.data(), factor(t), width_, normed_.data() + t * width_);
    });
    product(precision_, pool_, count, vocab_, width_, {normed_.data(), width_}, {head_.data(), width_, true},
            0.0f, logits_.data(), vocab_);
    pool_.parallel_for(count, 1, [&](int64_t t, int64_t) {
      to_slope(logits_.data() + t * vocab_, draws[static_cast<size_t>(begin + t)]);
    });
    product(precision_, pool_, count, width_, vocab_, {logits_.data(), vocab_}, {head_.data(), width_}, 0.0f,
            normed_.data(), width_);
    pool_.parallel_for(count, kRowsOfThread, [&](int64_t first, int64_t last) {
      for (int64_t t = first; t < last; ++t) {
        std::fill_n(dx + t * width_, width_, 0.0f);
        rms_norm_backward(x + t * width_, final_norm_.data(), factor(t), normed_.data() + t * width_, width_,
                          dx + t * width_);
      }
    });
  }
}

}  // namespace fptq
