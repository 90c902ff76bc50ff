// How far a quantized matrix is from the one it stands for, and what a block makes of it from what it made.
#pragma once

#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

// -10 log10 of |x' - x|^2 / |x|^2, at most 200: no error that double could tell.
double decibels(double relative_error);

struct Deviation {
  double relative_error = 0.0;  // |W' - W|^2 / |W|^2; 0 for a matrix of zeros
  double sqnr_db = 0.0;         // of it: decibels()
  double clipped_share = 0.0;   // of the weights: would round to a code beyond the last one of their group
  double smallest_scale = 0.0, largest_scale = 0.0;  // magnitudes; 0 for a matrix that is not quantized
};

// Sums run in double, row by row in a fixed order: the same for any number of threads.
Deviation measure_deviation(const WeightRows& original, const LinearWeights& quantized, ThreadPool& pool);

// BlockReport::output_sqnr_db of `result` against `reference`, both [tokens, width]. Tokens of zeros are left
// out.
double output_sqnr_db(std::span<const float> reference, std::span<const float> result, int64_t width);

}  // namespace fptq
