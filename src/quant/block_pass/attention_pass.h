// Causal attention over one window of tokens, and its gradients, for the query heads that share a key-value
// head. Scores are kept for a block of queries at a time and computed again in the backward pass (Dao et al.,
// arXiv 2205.14135), so that memory does not grow with the square of the window.
#pragma once

#include <cstdint>

namespace fptq {

// The arrays of one window and key-value head: token t, query head g of the group has head_dim floats at
// q + t * stride + g * head_dim; its key and value are at k, v + t * stride.
struct AttentionHeads {
  int64_t tokens = 0;
  int64_t head_dim = 0;
  int64_t group = 1;   // query heads
  int64_t window = 0;  // > 0: a query sees only so many last positions, itself included
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  int64_t stride = 0;
};

// out + t * out_stride + g * head_dim = softmax(q k^T / sqrt(head_dim)) v; log_sums[t * log_stride + g] is
// the logarithm of the softmax's denominator.
void attend(const AttentionHeads& heads, float* out, int64_t out_stride, float* log_sums, int64_t log_stride);

// What attend() left, and the gradient of `out`, laid out alike.
struct AttendedHeads {
  const float* out = nullptr;
  const float* gradient = nullptr;
  int64_t stride = 0;
  const float* log_sums = nullptr;
  int64_t log_stride = 0;
};

// Overwrites dq, dk, dv (laid out as q, k, v, at distances of `stride`) with the gradients.
void attend_backward(const AttentionHeads& heads, const AttendedHeads& attended, float* dq, float* dk,
                     float* dv, int64_t stride);

}  // namespace fptq
