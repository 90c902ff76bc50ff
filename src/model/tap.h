// How calibration and reports see inside the one forward pass.
#pragma once

#include <cstdint>

#include "model/layout.h"

namespace fptq {

class Tap {
 public:
  virtual ~Tap() = default;
  // x [tokens, width]: the input that layer `layer`'s linear layers of `input` are about to read, before any
  // activation quantization. Called once per input and forward call, from the calling thread.
  virtual void on_linear_input(int64_t layer, InputId input, const float* x, int64_t tokens,
                               int64_t width) = 0;
};

}  // namespace fptq
