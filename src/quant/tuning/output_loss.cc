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
    : head_(source, precision, pool),
      logits_(static_cast<size_t>(HeadPass::kTokens * head_.vocab())),
      teacher_logits_(logits_.size()) {}

double OutputLoss::evaluate(const float* hidden, const float* teacher, int64_t tokens, float* gradient) {
  const float factor = 1.0f / static_cast<float>(tokens);
  const int64_t width = head_.width(), vocab = head_.vocab();
  std::vector<double> divergences(static_cast<size_t>(tokens));
  for (int64_t begin = 0; begin < tokens; begin += HeadPass::kTokens) {
    const int64_t count = std::min(HeadPass::kTokens, tokens - begin);
    const float* x = hidden + begin * width;
    head_.forward(teacher + begin * width, count, teacher_logits_.data());
    head_.forward(x, count, logits_.data());
    head_.pool().parallel_for(count, 1, [&](int64_t t, int64_t) {
      divergences[static_cast<size_t>(begin + t)] =
          divergence(factor, vocab, logits_.data() + t * vocab, teacher_logits_.data() + t * vocab);
    });
    head_.backward(x, logits_.data(), count, gradient + begin * width);
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
