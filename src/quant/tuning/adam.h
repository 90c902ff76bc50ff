// Adam (Kingma and Ba, arXiv 1412.6980) on an array of parameters.
#pragma once

#include <cstdint>

namespace fptq {

struct AdamStep {
  float rate = 0.0f;   // that a parameter with a steady gradient moves by
  int64_t before = 0;  // steps taken before this one
};

// Moves `values` [n] against their `gradient`; `first` and `second` [n] are its moving averages, zeros at
// first.
void adam_step(const AdamStep& by, const float* gradient, int64_t n, float* values, float* first,
               float* second);

}  // namespace fptq
