#include "quant/tuning/output_loss.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "fptq/error.h"
#include "quant/block_pass/row_ops.h"

namespace fptq {
namespace {

// Tokens whose logits are in memory at a time.
constexpr int64_t kTokens = 256;
constexpr int64_t kRowsOfHead = 256;

// KL(softmax(teacher) || softmax(model)) of one token. `model` [n] becomes factor * its gradient, `teacher`
// [n] is used up.
double divergence(float factor, int64_t n, float* model, float* teacher) {
  thread_local AlignedBuffer<float> likely;  // the teacher's probabilities, not normalized
  likely.ensure(static_cast<size_t>(n));
  const float model_top = largest(model, n), teacher_top = largest(teacher, n);
  std::copy_n(teacher, n, likely.data());
  exponentials(teacher_top, n, likely.data());
  const float teacher_sum = sum_of(likely.data(), n);
  scale_by(1.0f / teacher_sum, n, likely.data());
  const double gap =
      static_cast<double>(dot(likely.data(), teacher, n)) - static_cast<double>(dot(likely.data(), model, n));
  exponentials(model_top, n, model);
  const float model_sum = sum_of(model, n);
  scale_by(factor / model_sum, n, model);
  scale_by(-factor, n, likely.data());
  add_to(likely.data(), n, model);
  return gap + (static_cast<double>(model_top) + std::log(static_cast<double>(model_sum))) -
         (static_cast<double>(teacher_top) + std::log(static_cast<double>(teacher_sum)));
}

}  // namespace

OutputLoss::OutputLoss(const WeightSource& source, Precision precision, ThreadPool& pool)
    : precision_(precision),
      pool_(pool),
      width_(source.config().hidden_size),
      vocab_(source.config().vocab_size),
      eps_(source.config().rms_norm_eps),
      final_norm_(source.final_norm().to_floats()),
      head_(static_cast<size_t>(vocab_ * width_)),
      normed_(static_cast<size_t>(kTokens * width_)),
      logits_(static_cast<size_t>(kTokens * vocab_)),
      teacher_logits_(static_cast<size_t>(kTokens * vocab_)) {
  const LinearWeights head = source.head();
  pool.parallel_for(vocab_, kRowsOfHead, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) head.decode_row(r, head_.data() + r * width_);
  });
}

void OutputLoss::to_logits(const float* hidden, int64_t tokens, float* logits) {
  pool_.parallel_for(tokens, 16, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float* x = hidden + t * width_;
      rms_norm(x, final_norm_.data(), rms_norm_factor(x, width_, eps_), width_, normed_.data() + t * width_);
    }
  });
  product(precision_, pool_, tokens, vocab_, width_, {normed_.data(), width_}, {head_.data(), width_, true},
          0.0f, logits, vocab_);
}

double OutputLoss::evaluate(const float* hidden, const float* teacher, int64_t tokens, float* gradient) {
  const float factor = 1.0f / static_cast<float>(tokens);
  std::vector<double> divergences(static_cast<size_t>(tokens));
  for (int64_t begin = 0; begin < tokens; begin += kTokens) {
    const int64_t count = std::min(kTokens, tokens - begin);
    const float* x = hidden + begin * width_;
    float* dx = gradient + begin * width_;
    to_logits(teacher + begin * width_, count, teacher_logits_.data());
    to_logits(x, count, logits_.data());
    pool_.parallel_for(count, 1, [&](int64_t t, int64_t) {
      divergences[static_cast<size_t>(begin + t)] =
          divergence(factor, vocab_, logits_.data() + t * vocab_, teacher_logits_.data() + t * vocab_);
    });
    product(precision_, pool_, count, width_, vocab_, {logits_.data(), vocab_}, {head_.data(), width_}, 0.0f,
            normed_.data(), width_);
    pool_.parallel_for(count, 16, [&](int64_t first, int64_t last) {
      for (int64_t t = first; t < last; ++t) {
        std::fill_n(dx + t * width_, width_, 0.0f);
        rms_norm_backward(x + t * width_, final_norm_.data(), rms_norm_factor(x + t * width_, width_, eps_),
                          normed_.data() + t * width_, width_, dx + t * width_);
      }
    });
  }
  const double mean =
      std::accumulate(divergences.begin(), divergences.end(), 0.0) / static_cast<double>(tokens);
  if (!std::isfinite(mean)) {
    throw Error(ErrorKind::kFailure, "tuning",
                fmt::format("the divergence from the original model is {}, expected a finite number", mean));
  }
  return mean;
}

}  // namespace fptq
