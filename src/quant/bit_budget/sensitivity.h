// What rounding a layer's weights costs a model's predictions, for every layer from one forward and one
// backward pass.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "backend/backend.h"
#include "fptq/progress.h"
#include "linalg/bgemm.h"
#include "model/layout.h"
#include "model/weight_source.h"

namespace fptq {

struct SensitivityProblem {
  const WeightSource& source;
  // At least one token each; all together are run at once.
  const std::vector<std::vector<int32_t>>& windows;
  // The forms whose cost is asked for, of one layer; integers, as round_to_nearest() takes them.
  std::function<std::vector<WeightSpec>(int64_t layer, LinearId id)> forms;
  DType scale_dtype = DType::kBF16;
  uint64_t seed = 0;
  Precision precision = fast_precision();
};

// By LinearId and form: the divergence KL(original || rounded) in nats per token when this layer alone is
// rounded to nearest.
using BlockCosts = std::array<std::vector<double>, kAllLinears.size()>;

// An estimate to second order with the diagonal of the Fisher information, 1/2 * sum_ij F_ij (W'_ij - W_ij)^2
// (LeCun et al., "Optimal brain damage", 1990; for bits of weights: Dong et al., HAWQ-V2, arXiv 1911.03852,
// which takes the trace alone). F_ij is the mean over windows of the squared gradient of the sum of -log
// p(y_t), y_t drawn from the model's predictions, over the tokens of a window. Rounding errors of different
// weights are all but uncorrelated, which is why the diagonal is enough.
//
// In memory are one block, its F, the head as floats, and the hidden states of all windows at every block.
// The same bits for any number of threads. Throws what reading and rounding weights throw, Error(kUsage) for
// ids outside the vocabulary, and what `progress` throws; that hears of blocks, twice each.
std::vector<BlockCosts> rounding_costs(const SensitivityProblem& problem, Backend& backend,
                                       Progress& progress);

}  // namespace fptq
