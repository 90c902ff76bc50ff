// The simplest solver: every weight to the nearest point of its group's grid.
#pragma once

#include "base/thread_pool.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

// `spec` is 4 or 8 bits with a group size that divides the columns (0: the whole row); scales are stored as
// `scale_dtype` (F32, F16, BF16). The bias is carried over; the result's activation is left unquantized.
// Throws Error(kBadModel, weights.where()) on values that are not finite or whose scale exceeds the type. The
// same bytes for any number of threads.
LinearWeights round_to_nearest(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                               ThreadPool& pool);

}  // namespace fptq
