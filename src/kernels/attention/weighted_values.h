// out_t += sum over positions j, ascending, of p[t][j] * v_j: one chain of additions per element of the
// output.
#pragma once

#include "kernels/attention/kv_rows.h"

namespace fptq::kernels {
namespace {

// T queries, D * 16 elements from d on; `kTail`: the last elements of a row, fewer than 16.
template <int T, int D, bool kTail, typename Rows>
FPTQ_INLINE void accumulate(const Rows& v, int64_t begin, int64_t end, const float* p, int64_t p_stride,
                            int64_t d, float* out, int64_t out_stride) {
  Lanes sum[T][D];
  for (int t = 0; t < T; ++t) {
    for (int i = 0; i < D; ++i) {
      const float* from = out + t * out_stride + d + i * kLanes;
      sum[t][i] = kTail ? load_first(from, v.head_dim - d) : load(from);
    }
  }
  for (int64_t j = begin; j < end; ++j) {
    Lanes row[D];
    for (int i = 0; i < D; ++i) row[i] = kTail ? v.tail(j, d) : v.lanes(j, d + i * kLanes);
    for (int t = 0; t < T; ++t) {
      const Lanes weight = lanes_of(p[t * p_stride + j]);
      for (int i = 0; i < D; ++i) sum[t][i] = sum[t][i] + weight * row[i];
    }
  }
  for (int t = 0; t < T; ++t) {
    for (int i = 0; i < D; ++i) {
      float* to = out + t * out_stride + d + i * kLanes;
      if (kTail) {
        store_first(to, v.head_dim - d, sum[t][i]);
      } else {
        store(to, sum[t][i]);
      }
    }
  }
}

// Registers: T * D sums of kParts each, D values, one weight.
constexpr int kValueQueries = kWidth == 16 ? 4 : 2;
constexpr int kValueLanes = kWidth == 16 ? 4 : kWidth == 8 ? 2 : 1;

template <int T, typename Rows>
void add_values(const Rows& v, int64_t begin, int64_t end, const float* p, int64_t p_stride, float* out,
                int64_t out_stride) {
  if (begin >= end) return;
  int64_t d = 0;
  for (; d + kValueLanes * kLanes <= v.head_dim; d += kValueLanes * kLanes) {
    accumulate<T, kValueLanes, false>(v, begin, end, p, p_stride, d, out, out_stride);
  }
  for (; d + kLanes <= v.head_dim; d += kLanes) {
    accumulate<T, 1, false>(v, begin, end, p, p_stride, d, out, out_stride);
  }
  if (d < v.head_dim) accumulate<T, 1, true>(v, begin, end, p, p_stride, d, out, out_stride);
}

}  // namespace
}  // namespace fptq::kernels
