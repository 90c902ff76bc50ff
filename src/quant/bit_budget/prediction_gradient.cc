#include "quant/bit_budget/prediction_gradient.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/uniform.h"
#include "fptq/error.h"
#include "quant/block_pass/row_ops.h"

namespace fptq {
namespace {

// Logits become probabilities, less one for the label that `draw` in [0, 1) falls on.
void to_slope(float* logits, int64_t vocab, double draw) {
  exponentials(largest(logits, vocab), vocab, logits);
  const float sum = sum_of(logits, vocab);
  if (!std::isfinite(sum)) {
    throw Error(ErrorKind::kFailure, "sensitivity", "the model's predictions are no finite numbers",
                "check the model with fptq eval");
  }
  scale_by(1.0f / sum, vocab, logits);
  double passed = 0.0;
  int64_t label = 0;
  for (; label < vocab - 1; ++label) {
    passed += static_cast<double>(logits[label]);
    if (passed > draw) break;
  }
  logits[label] -= 1.0f;
}

}  // namespace

PredictionGradient::PredictionGradient(const WeightSource& source, Precision precision, ThreadPool& pool,
                                       uint64_t seed)
    : head_(source, precision, pool),
      random_(seed),
      logits_(static_cast<size_t>(HeadPass::kTokens * head_.vocab())) {}

void PredictionGradient::evaluate(const float* hidden, int64_t tokens, float* gradient) {
  const int64_t width = head_.width(), vocab = head_.vocab();
  std::vector<double> draws(static_cast<size_t>(tokens));
  for (double& draw : draws) draw = draw_fraction(random_);
  for (int64_t begin = 0; begin < tokens; begin += HeadPass::kTokens) {
    const int64_t count = std::min(HeadPass::kTokens, tokens - begin);
    const float* x = hidden + begin * width;
    head_.forward(x, count, logits_.data());
    head_.pool().parallel_for(count, 1, [&](int64_t t, int64_t) {
      to_slope(logits_.data() + t * vocab, vocab, draws[static_cast<size_t>(begin + t)]);
    });
    head_.backward(x, logits_.data(), count, gradient + begin * width);
  }
}

}  // namespace fptq
