// The error that a choice of equalization and activation form leaves in what linear layers put out, measured
// on sampled tokens: weights and activations are both rounded.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

// Of the layers that share one input. Keeps a subset of their rows, evenly spread, in memory. Not
// thread-safe.
class OutputError {
 public:
  // `sample` [tokens, width] are inputs; refers to it. Weights are rounded to the nearest step of `spec`'s
  // groups, a bound of what a solver makes of them.
  OutputError(std::span<const float> sample, int64_t width, std::span<const WeightRows> consumers,
              const WeightSpec& spec, ThreadPool& pool);

  // Sum of squares over tokens and outputs with inputs divided and columns multiplied by `scales` (none:
  // ones). Tokens much longer than the others count as if they were three times the median.
  double of(std::span<const float> scales, const ActivationSpec& activation) const;

  // Largest |w| of each column.
  std::span<const float> column_max() const { return column_max_; }
  // Largest |x| of each channel, tokens much longer than the others shortened.
  std::span<const float> channel_max() const { return channel_max_; }

 private:
  void round_weights(std::span<const float> scales, std::vector<float>& out) const;
  void round_inputs(std::span<const float> scales, const ActivationSpec& activation,
                    std::vector<float>& out) const;

  std::span<const float> sample_;
  int64_t width_, tokens_, rows_ = 0;
  WeightSpec spec_;
  ThreadPool& pool_;
  std::vector<float> weights_;      // [rows, width]
  std::vector<float> column_max_;   // [width]
  std::vector<float> channel_max_;  // [width]
  std::vector<float> outputs_;      // [tokens, rows]
  std::vector<double> token_weight_;
};

}  // namespace fptq
