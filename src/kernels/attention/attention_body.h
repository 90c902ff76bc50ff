// The body of attention, included by one file per ISA. Tiles of queries share the keys and values they read,
// but each query's own arithmetic is fixed: scores, their maximum, exponentials, their sum in lanes by
// position, then the values of its positions in ascending order, and one division at the end.
#pragma once

#include <math.h>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_tile.h"
#include "kernels/attention/scores.h"
#include "kernels/attention/weighted_values.h"

namespace fptq::kernels {
namespace {

struct Span {
  int64_t begin, end;  // positions that a query sees
};

FPTQ_INLINE Span visible(const AttentionArgs& a, int64_t query) {
  const int64_t end = a.first_position + query + 1;
  return {a.window > 0 && end > a.window ? end - a.window : 0, end};
}

FPTQ_INLINE float* out_row(const AttentionArgs& a, int64_t query) {
  return a.out + query * a.out_stride;
}

// Scores times scale and, in an INT8 cache, times their key's scale; -inf beside the span. Returns the
// maximum.
float scale_scores(float* scores, Span span, float scale, const float* k_scales) {
  const int64_t first = span.begin / kLanes * kLanes, last = (span.end + kLanes - 1) / kLanes * kLanes;
  for (int64_t j = first; j < last; j += kLanes) {
    Lanes s = load(scores + j);
    if (k_scales != nullptr) {
      s = s * (j + kLanes <= span.end ? load(k_scales + j) : load_first(k_scales + j, span.end - j));
    }
    store(scores + j, s * lanes_of(scale));
  }
  for (int64_t j = first; j < span.begin; ++j) scores[j] = -INFINITY;
  for (int64_t j = span.end; j < last; ++j) scores[j] = -INFINITY;
  Lanes most = lanes_of(-INFINITY);
  for (int64_t j = first; j < last; j += kLanes) most = max_or_b(load(scores + j), most);
  return max_of_lanes(most);
}

// Scores become exp(score - most); returns their sum. Below e^-60 a weight is 0: it could not move a float
// sum that holds a weight of 1, and subnormal products would cost a hundred times as much as others.
float exponentials(float* scores, Span span, float most) {
  Lanes sum = lanes_zero();
  for (int64_t j = span.begin / kLanes * kLanes; j < span.end; j += kLanes) {
    const Lanes x = load(scores + j) - lanes_of(most);
    const Lanes e = where_less(x, lanes_of(-60.0f), lanes_zero(), exp_lanes(x));
    store(scores + j, e);
    sum = sum + e;
  }
  return sum_of_lanes(sum);
}

void multiply_by_scales(float* weights, Span span, const float* v_scales) {
  for (int64_t j = span.begin; j < span.end; ++j) weights[j] *= v_scales[j];
}

template <int T, typename Rows>
void values_of_group(const AttentionArgs& a, const Rows& v, int64_t query, const float* weights,
                     int64_t row_floats) {
  // Positions that all T queries see, and for each query its own before and after them; in a narrow window
  // there may be none in common.
  const int64_t begin = visible(a, query + T - 1).begin, end = visible(a, query).end;
  const bool common = begin < end;
  for (int64_t t = 0; t < T; ++t) {
    const Span own = visible(a, query + t);
    add_values<1>(v, own.begin, common ? begin : own.end, weights + t * row_floats, 0, out_row(a, query + t),
                  0);
  }
  if (!common) return;
  add_values<T>(v, begin, end, weights, row_floats, out_row(a, query), a.out_stride);
  for (int64_t t = 0; t < T; ++t) {
    add_values<1>(v, end, visible(a, query + t).end, weights + t * row_floats, 0, out_row(a, query + t), 0);
  }
}

template <typename Rows>
void attend_tile(const AttentionArgs& a, const Rows& k, const Rows& v, int64_t query, int64_t queries) {
  const int64_t row_floats = attention_row_floats(a.first_position + a.queries);
  const int64_t begin = visible(a, query).begin / kLanes * kLanes, end = visible(a, query + queries - 1).end;
  all_scores(k, a.q + query * a.q_stride, a.q_stride, queries, begin, end, a.scratch, row_floats);

  float sums[kQueryTile];
  for (int64_t t = 0; t < queries; ++t) {
    float* row = a.scratch + t * row_floats;
    const Span span = visible(a, query + t);
    const float most = scale_scores(row, span, a.scale, k.scales);
    sums[t] = exponentials(row, span, most);
    if (v.scales != nullptr) multiply_by_scales(row, span, v.scales);
    memset(out_row(a, query + t), 0, (size_t)a.head_dim * sizeof(float));
  }
  int64_t t = 0;
  for (; t + kValueQueries <= queries; t += kValueQueries) {
    values_of_group<kValueQueries>(a, v, query + t, a.scratch + t * row_floats, row_floats);
  }
  for (; t < queries; ++t) values_of_group<1>(a, v, query + t, a.scratch + t * row_floats, row_floats);
  for (t = 0; t < queries; ++t) {
    float* out = out_row(a, query + t);
    for (int64_t d = 0; d < a.head_dim; ++d) out[d] /= sums[t];
  }
}

template <typename Rows>
void attend_tiles(const AttentionArgs& a, const Rows& k, const Rows& v) {
  for (int64_t query = 0; query < a.queries; query += kQueryTile) {
    const int64_t left = a.queries - query;
    attend_tile(a, k, v, query, left < kQueryTile ? left : kQueryTile);
  }
}

void attend(const AttentionArgs& a) {
  if (a.k_codes != nullptr) {
    const CodeRows k = {a.k_codes, a.k_scales, a.head_dim}, v = {a.v_codes, a.v_scales, a.head_dim};
    attend_tiles(a, k, v);
  } else {
    const FloatRows k = {a.k, nullptr, a.head_dim}, v = {a.v, nullptr, a.head_dim};
    attend_tiles(a, k, v);
  }
}

}  // namespace
}  // namespace fptq::kernels
