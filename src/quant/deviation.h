// How far a quantized matrix is from the one it stands for.
#pragma once

#include "base/thread_pool.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

struct Deviation {
  double relative_error = 0.0;  // |W' - W|^2 / |W|^2; 0 for a matrix of zeros
  double sqnr_db = 0.0;         // -10 log10 of it, at most 200 (no error that double could tell)
  double clipped_share = 0.0;   // of the weights: would round to a code beyond the last one of their group
  double smallest_scale = 0.0, largest_scale = 0.0;  // 0 for a matrix that is not quantized
};

// Sums run in double, row by row in a fixed order: the same for any number of threads.
Deviation measure_deviation(const WeightRows& original, const LinearWeights& quantized, ThreadPool& pool);

}  // namespace fptq
