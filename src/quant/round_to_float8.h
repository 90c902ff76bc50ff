// Every weight to the nearest 8-bit float of its group's scale.
#pragma once

#include "base/thread_pool.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

// As round_to_nearest(), for specifications of type kFloat8E4M3 and kFloat8E5M2.
LinearWeights round_to_float8(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                              ThreadPool& pool);

}  // namespace fptq
