#include "eval/model_logits.h"

namespace fptq {

void ModelLogits::run_window(std::span<const int32_t> ids) {
  cache_.truncate(0);
  const SequenceInput input{.ids = ids, .cache = &cache_};
  model_.forward({&input, 1});
}

const float* ModelLogits::logits(int64_t begin, int64_t rows) {
  logits_.ensure(static_cast<size_t>(rows * vocab_size()));
  model_.logits(model_.hidden() + begin * model_.config().hidden_size, rows, logits_.data());
  return logits_.data();
}

}  // namespace fptq
