// A layer that a recipe ignores.
#pragma once

#include "base/thread_pool.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

// `weights` as a dense layer of `dtype` (F32, F16 or BF16), its input not quantized: what the checkpoint will
// hold, and an engine compute with. Equalizations of its neighbours are folded in, because what makes its
// input is scaled for all layers that read it; they cost one rounding to `dtype` a weight. Where nothing is
// folded and the source is of `dtype`, every bit stays. The bias stays as WeightRows has it. Throws
// Error(kBadModel) when a value is not finite, or would not be in `dtype`.
LinearWeights dense_layer(const WeightRows& weights, DType dtype, ThreadPool& pool);

}  // namespace fptq
