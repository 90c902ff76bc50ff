// A result as it will be once it was written and read back: what the probe must run to tell the truth.
#pragma once

#include <span>

#include "backend/backend.h"
#include "model/forward.h"
#include "quant/pipeline.h"
#include "tensor/dtype.h"

namespace fptq {

// Every value as it reads back from storage as `dtype`.
void round_all(std::span<float> values, DType dtype);
AlignedBuffer<float> rounded(const Tensor& tensor, DType dtype);

// `quantized` on a backend, its norms and biases rounded to `dtype`, the type that the checkpoint stores them
// in.
Block load_stored(Backend& backend, const QuantizedBlock& quantized, DType dtype);

}  // namespace fptq
