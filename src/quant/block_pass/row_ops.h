// What a decoder block does between its matrix products, and the gradients of that, one row of floats at a
// time. The same bits on every instruction set: sums run in 16 lanes, as in kernels/float_ops.
#pragma once

#include <cstdint>

namespace fptq {

float dot(const float* a, const float* b, int64_t n);

// RMSNorm is y_i = x_i * factor * gamma_i with this factor, 1 / sqrt(mean(x^2) + eps).
float rms_norm_factor(const float* x, int64_t n, float eps);
void rms_norm(const float* x, const float* gamma, float factor, int64_t n, float* y);
// dx_i += what `dy`, the gradient of y, contributes to the gradient of x.
void rms_norm_backward(const float* x, const float* gamma, float factor, const float* dy, int64_t n,
                       float* dx);

// y_i = gate_i * sigmoid(gate_i) * up_i
void silu_mul(const float* gate, const float* up, int64_t n, float* y);
// Replaces gate and up by their gradients.
void silu_mul_backward(const float* dy, int64_t n, float* gate, float* up);

// Rotates the halves of a head of 2 * half elements: (a, b) -> (a cos - b sin, b cos + a sin); and the
// transposed rotation, which takes gradients back.
void rotate(const float* cos, const float* sin, int64_t half, float* head);
void rotate_back(const float* cos, const float* sin, int64_t half, float* head);

// x_i = exp(x_i - shift) to 3 ulp, for x_i - shift in [-87, 88] (clamped to it).
void exponentials(float shift, int64_t n, float* x);
float largest(const float* x, int64_t n);
float largest_magnitude(const float* x, int64_t n);
float sum_of(const float* x, int64_t n);
void scale_by(float factor, int64_t n, float* x);
// y_i += x_i
void add_to(const float* x, int64_t n, float* y);
// y_i += a_i * b_i * factor
void add_products(const float* a, const float* b, float factor, int64_t n, float* y);

// Gradient of the scores behind p = softmax(factor * scores): dp_i = p_i * (dp_i - mean) * factor, where mean
// is the sum of p_i * dp_i.
void softmax_backward(const float* p, float mean, float factor, int64_t n, float* dp);

// Of the squared distance: returns the sum of (y_i - target_i)^2 and replaces y_i by factor * (y_i -
// target_i).
float squared_error(const float* target, float factor, int64_t n, float* y);

}  // namespace fptq
