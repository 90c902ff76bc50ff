// Quantized inputs of layers that run in float: to the grid of their specification and back, with the
// arithmetic of compressed-tensors (kernels/quantize_activations.h has it for the integer layers):
//   integers   scale and zero point as there, with 2^bits - 1 steps; x ~ (q - zero) * scale
//   E4M3       scale = max|x| / 448 for a token (2^-23 where that is 0), q = E4M3(clamp(x / scale)); q *
//   scale
#pragma once

#include <cstdint>

#include "tensor/linear_weights.h"

namespace fptq {

// One token x[n] -> y[n]. spec.mode is not kFloat. Thread-safe.
void round_activations(const ActivationSpec& spec, const float* x, int64_t n, float* y);

}  // namespace fptq
