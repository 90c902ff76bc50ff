// Activations through their INT8 grid and back to floats: what an integer layer makes of its input, in the
// arithmetic of kernels/quantize_activations (true division, clamp, round half to even).
#pragma once

#include <cstdint>

#include "tensor/linear_weights.h"

namespace fptq {

// One token x [n] -> y [n]; y may be x. kFloat copies.
void fake_quantize(const ActivationSpec& spec, const float* x, int64_t n, float* y);

// The straight-through estimator: rounding passes gradients unchanged, clipping to a static range stops them.
// (A dynamic range clips nothing; that it moves with the token's largest value is neglected.) `gradient` of y
// becomes that of x.
void fake_quantize_backward(const ActivationSpec& spec, const float* x, int64_t n, float* gradient);

}  // namespace fptq
