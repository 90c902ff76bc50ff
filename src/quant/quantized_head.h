// The output head in 8 bits: half the bytes of what a small model reads for every token.
#pragma once

#include "base/thread_pool.h"
#include "fptq/quantize.h"
#include "model/weight_source.h"

namespace fptq {

// The head of `source` in 8 bits, one symmetric scale (of `scale_dtype`) per vocabulary entry, with per-token
// activations. Fills `report`. Needs the head's codes in memory, not its floats. Throws what
// round_to_nearest() throws.
LinearWeights quantize_head(const WeightSource& source, DType scale_dtype, ThreadPool& pool,
                            LinearReport& report);

}  // namespace fptq
