// Where solvers put their results: a matrix of integer codes in the exchange type's layout, filled row by
// row.
#pragma once

#include <span>

#include "quant/grid.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

// Allocated for the shape, bias and name of a weight matrix. Rows may be put by several threads at once, each
// row once.
class QuantizedMatrix {
 public:
  // `spec` is of integers, with a group size that divides the columns (0: the whole row); scales are stored as
  // `scale_dtype` (F32, F16, BF16).
  QuantizedMatrix(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype);

  int64_t groups() const { return result_.groups(); }
  int64_t group_size() const { return result_.group_size(); }

  // `codes` [cols] in the order of the columns, `grids` [groups] with scales that the type holds exactly.
  // Throws Error(kBadModel) naming row and columns when a scale is infinite in it.
  void put_row(int64_t r, std::span<const int8_t> codes, std::span<const GroupGrid> grids);

  // After all rows; the activation is left unquantized.
  LinearWeights take() { return std::move(result_); }

 private:
  LinearWeights result_;
  DType scale_dtype_;
  std::string where_;
  std::byte* codes_ = nullptr;
  std::byte* scales_ = nullptr;
  std::byte* zeros_ = nullptr;
};

}  // namespace fptq
