// Every weight to the nearest NF4 number of its block's scale, bit for bit as bitsandbytes (quant/nf4.h).
#pragma once

#include "base/thread_pool.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

// As round_to_nearest(), for specifications of type kNormalFloat4, nested or not, with any even group size.
// The type of the scales is fixed, whatever `scale_dtype` says.
LinearWeights round_to_nf4(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                           ThreadPool& pool);

}  // namespace fptq
