// Rotary position angles: default, linear, llama3 and yarn, in the arithmetic of transformers (inverse
// frequencies and their products with the position in float32), so that logits agree at long positions too.
#pragma once

#include <cstdint>
#include <vector>

#include "model/config.h"

namespace fptq {

// Grows on demand; not thread-safe.
class RopeTable {
 public:
  explicit RopeTable(const ModelConfig& config);
  // Makes positions 0 .. positions - 1 available.
  void prepare(int64_t positions);
  // head_dim / 2 values of a prepared position, times the attention factor of yarn. Valid until the next
  // prepare().
  const float* cos(int64_t position) const { return cos_.data() + position * half_; }
  const float* sin(int64_t position) const { return sin_.data() + position * half_; }
  int64_t half() const { return half_; }

 private:
  int64_t half_;
  std::vector<float> inverse_frequency_;
  float attention_factor_ = 1.0f;
  std::vector<float> cos_, sin_;
};

}  // namespace fptq
