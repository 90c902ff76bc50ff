// score[t][j] = q_t . k_j, always in the order of sum_of_lanes(): element d adds to lane d mod 16, lanes add
// pairwise. There are two ways to the same bits: lane by lane for few queries, and on transposed keys for
// many, where a register holds one element of several keys and no lanes have to be summed.
#pragma once

#include "kernels/attention/kv_rows.h"
#include "kernels/lanes_shuffle.h"

namespace fptq::kernels {
namespace {

// Keys [j, j + kWidth) and one query, by lanes; the scores of keys from `end` on are 0.
template <typename Rows>
FPTQ_INLINE NativeFloat scores_by_lanes(const Rows& k, int64_t j, int64_t end, const float* q) {
  NativeFloat sums[kWidth];
  for (int i = 0; i < kWidth; ++i) {
    Lanes sum = lanes_zero();
    if (j + i < end) {
      int64_t d = 0;
      for (; d + kLanes <= k.head_dim; d += kLanes) sum = sum + load(q + d) * k.lanes(j + i, d);
      if (d < k.head_dim) sum = sum + load_first(q + d, k.head_dim - d) * k.tail(j + i, d);
    }
    sums[i] = fold_parts(sum);
  }
  return sums_of_rows(sums);
}

// Elements [0, head_dim) of keys [j, j + kWidth) as transposed[d][key]; keys from `end` on are 0.
template <typename Rows>
FPTQ_INLINE void transpose_keys(const Rows& k, int64_t j, int64_t end, float* transposed) {
  for (int64_t d = 0; d < k.head_dim; d += kWidth) {
    NativeFloat block[kWidth];
    for (int i = 0; i < kWidth; ++i) block[i] = j + i < end ? k.native(j + i, d) : NativeFloat{};
    transpose(block);
    for (int i = 0; i < kWidth; ++i) native_store(transposed + (d + i) * kWidth, block[i]);
  }
}

// The sum over lanes l, l + Stride, l + 2 Stride, ... of sum_of_lanes(), for kWidth keys and T queries at
// once; a lane is the chain of elements d = lane, lane + 16, ...
template <int T, int Lane, int Stride>
FPTQ_INLINE void sum_lanes(const float* transposed, const float* q, int64_t q_stride, int64_t head_dim,
                           NativeFloat (&sum)[T]) {
  if constexpr (Stride == kLanes) {
    for (int t = 0; t < T; ++t) sum[t] = NativeFloat{};
    for (int64_t d = Lane; d < head_dim; d += kLanes) {
      const NativeFloat keys = native_load(transposed + d * kWidth);
      for (int t = 0; t < T; ++t) sum[t] += native_broadcast(q[t * q_stride + d]) * keys;
    }
  } else {
    sum_lanes<T, Lane, 2 * Stride>(transposed, q, q_stride, head_dim, sum);
    NativeFloat other[T];
    sum_lanes<T, Lane + Stride, 2 * Stride>(transposed, q, q_stride, head_dim, other);
    for (int t = 0; t < T; ++t) sum[t] += other[t];
  }
}

template <int T>
void scores_of_transposed(const float* transposed, const float* q, int64_t q_stride, int64_t head_dim,
                          float* scores, int64_t row_floats) {
  NativeFloat sum[T];
  sum_lanes<T, 0, 1>(transposed, q, q_stride, head_dim, sum);
  for (int t = 0; t < T; ++t) native_store(scores + t * row_floats, sum[t]);
}

// Queries that fit the registers together with the five partial sums that the pairwise tree keeps alive.
constexpr int kScoreQueries = kWidth == 16 ? 4 : 2;
constexpr int64_t kTransposedDims = 256;

// Scores of `queries` queries against keys [begin, end), begin a multiple of 16; writes up to the next
// multiple of 16 behind end.
template <typename Rows>
void all_scores(const Rows& k, const float* q, int64_t q_stride, int64_t queries, int64_t begin, int64_t end,
                float* scores, int64_t row_floats) {
  const bool transposing =
      queries >= kScoreQueries && k.head_dim % kLanes == 0 && k.head_dim <= kTransposedDims;
  if (!transposing) {
    for (int64_t j = begin; j < end; j += kWidth) {
      for (int64_t t = 0; t < queries; ++t) {
        native_store(scores + t * row_floats + j, scores_by_lanes(k, j, end, q + t * q_stride));
      }
    }
    return;
  }
  alignas(64) float transposed[kTransposedDims * kWidth];
  for (int64_t j = begin; j < end; j += kWidth) {
    transpose_keys(k, j, end, transposed);
    int64_t t = 0;
    for (; t + kScoreQueries <= queries; t += kScoreQueries) {
      scores_of_transposed<kScoreQueries>(transposed, q + t * q_stride, q_stride, k.head_dim,
                                          scores + t * row_floats + j, row_floats);
    }
    for (; t < queries; ++t) {
      scores_of_transposed<1>(transposed, q + t * q_stride, q_stride, k.head_dim, scores + t * row_floats + j,
                              row_floats);
    }
  }
}

}  // namespace
}  // namespace fptq::kernels
