// The whole numbers that testdata/make_rivals_golden.py makes its data of. For tests.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quant/observer.h"
#include "tensor/linear_weights.h"

namespace fptq {

// [tokens, n]: channels of very different loudness, some of them with rare peaks.
inline std::vector<float> made_inputs(int64_t tokens, int64_t n) {
  std::vector<float> x;
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t j = 0; j < n; ++j) {
      const int64_t noise = (t * t * 7 + j * j * 3 + t * j * 13) % 61 - 30;
      const int64_t loud = j % 13 == 5 ? 40 : 1 + (j * 37) % 7, peak = (t * 5 + j) % 97 == 3 ? 6 : 1;
      x.push_back(static_cast<float>(noise * loud * peak) / 64);
    }
  }
  return x;
}

inline LinearWeights dense(int64_t rows, int64_t cols, std::span<const float> values) {
  LinearWeights w;
  w.rows = rows;
  w.cols = cols;
  w.weight = Tensor::from_floats({rows, cols}, values);
  return w;
}

inline LinearWeights made_weights(int64_t rows, int64_t n, float factor = 1.0f) {
  std::vector<float> values;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < n; ++j) {
      const int64_t number = (r * r * 11 + j * j * 5 + r * j * 17) % 127 - 63;
      values.push_back(factor * static_cast<float>(number * (1 + (r * 7 + j * 3) % 5)) / 256);
    }
  }
  return dense(rows, n, values);
}

// What an observer that keeps every token makes of made_inputs().
inline ActivationStatistics made_statistics(int64_t tokens, int64_t n) {
  ThreadPool pool(1);
  ActivationObserver observer(pool, {.sample_tokens = tokens, .mean = true}, tokens);
  const std::vector<float> x = made_inputs(tokens, n);
  observer.on_linear_input(0, InputId::kAttention, x.data(), tokens, n);
  observer.finish();
  const ActivationStatistics& seen = observer.of(InputId::kAttention);
  ActivationStatistics out;
  out.channel_max = seen.channel_max;
  out.tokens = seen.tokens;
  out.sample = seen.sample;
  out.channel_mean = seen.channel_mean;
  return out;
}

}  // namespace fptq
