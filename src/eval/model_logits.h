// The logits of a loaded model.
#pragma once

#include "base/aligned_buffer.h"
#include "eval/logit_source.h"
#include "model/forward.h"

namespace fptq {

class ModelLogits final : public LogitSource {
 public:
  // `model` must outlive it.
  ModelLogits(Model& model, KvType kv) : model_(model), cache_(model.make_cache(kv)) {}

  int64_t vocab_size() const override { return model_.config().vocab_size; }
  void run_window(std::span<const int32_t> ids) override;
  const float* logits(int64_t begin, int64_t rows) override;

 private:
  Model& model_;
  KvCache cache_;
  AlignedBuffer<float> logits_;
};

}  // namespace fptq
