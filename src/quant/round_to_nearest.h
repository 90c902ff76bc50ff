// The simplest solver: every weight to the nearest point of its group's grid.
#pragma once

#include "base/thread_pool.h"
#include "quant/grid.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

// `spec` is any that LinearWeights stores: integers of 3, 4 or 8 bits, 8-bit floats or NF4, with a group size
// that divides the columns (0: the whole row; NF4 takes any even one). Scales are stored as `scale_dtype`
// (F32, F16, BF16; those of NF4 always as bitsandbytes does); `fit` is of symmetric integers. The bias is
// carried over; the result's activation is left unquantized. Throws Error(kBadModel, weights.where()) on
// values that are not finite or whose scale exceeds the type. The same bytes for any number of threads.
LinearWeights round_to_nearest(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                               ThreadPool& pool, SymmetricFit fit = SymmetricFit::kNarrow);

}  // namespace fptq
