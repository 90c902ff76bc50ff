// The weight matrix that a solver sees: the source's rows as floats with equalizations folded into columns
// (of the input) and rows (of the next layer's input, which this one produces).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensor/linear_weights.h"

namespace fptq {

// Reads row by row, so that no whole float copy of a matrix need exist. Refers to `weights` and the scales,
// which must outlive it. Thread-safe.
class WeightRows {
 public:
  // `column_scale` has weights.cols elements, or none for all ones; `row_divisor` weights.rows, or none.
  // `where` names the tensor in messages.
  WeightRows(const LinearWeights& weights, std::span<const float> column_scale, std::string where,
             std::span<const float> row_divisor = {});

  int64_t rows() const { return weights_.rows; }
  int64_t cols() const { return weights_.cols; }
  const std::string& where() const { return where_; }
  // Divided like the rows; absent where there is none.
  const Tensor& bias() const { return bias_; }

  // dst[j] = W[r, j] * column_scale[j] / row_divisor[r]. Throws Error(kBadModel, where) when a value is not
  // finite.
  void read(int64_t r, float* dst) const;

 private:
  const LinearWeights& weights_;
  std::span<const float> column_scale_;
  std::span<const float> row_divisor_;
  Tensor bias_;
  std::string where_;
};

// Largest |w| of each column of matrices with the same columns.
std::vector<float> column_maxima(std::span<const WeightRows> matrices);

}  // namespace fptq
