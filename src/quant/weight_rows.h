// The weight matrix that a solver sees: the source's rows as floats with an equalization folded into the
// columns.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "tensor/linear_weights.h"

namespace fptq {

// Reads row by row, so that no whole float copy of a matrix need exist. Refers to `weights` and
// `column_scale`, which must outlive it. Thread-safe.
class WeightRows {
 public:
  // `column_scale` has weights.cols elements, or none for all ones; `where` names the tensor in messages.
  WeightRows(const LinearWeights& weights, std::span<const float> column_scale, std::string where)
      : weights_(weights), column_scale_(column_scale), where_(std::move(where)) {}

  int64_t rows() const { return weights_.rows; }
  int64_t cols() const { return weights_.cols; }
  const std::string& where() const { return where_; }
  const Tensor& bias() const { return weights_.bias; }

  // dst[j] = W[r, j] * s_j. Throws Error(kBadModel, where) when a value is not finite.
  void read(int64_t r, float* dst) const;

 private:
  const LinearWeights& weights_;
  std::span<const float> column_scale_;
  std::string where_;
};

}  // namespace fptq
