// The softmax of one row in one block: scores become exponentials relative to the row's largest score there,
// and these the weights of the values. `Row` says what the cache's format adds on the way:
//   Lanes score(raw, j)   the score of positions j .. j + 15, of what the product of query and keys gave
//   Lanes weight(e, j)    the weight, of its exponential
#pragma once

#include <math.h>

#include "kernels/attention/across_lanes.h"
#include "kernels/attention/visible.h"

namespace fptq::kernels {
namespace {

// -inf in lanes beside the span.
FPTQ_INLINE Lanes hide(const Lanes& scores, int64_t j, Span seen) {
  if (seen.begin <= j && j + kLanes <= seen.end) return scores;
  float s[kLanes];
  store(s, scores);
  for (int64_t i = 0; i < kLanes; ++i) {
    if (j + i < seen.begin || j + i >= seen.end) s[i] = -INFINITY;
  }
  return load(s);
}

struct RowSums {
  float largest, sum;             // of scores; of exponentials
  float largest_weight, weights;  // of weights; their sum
};

// `scores` become weights in the panels of `seen`, which is not empty. Sums are in lanes by position.
template <typename Row>
FPTQ_INLINE RowSums soften(const Row& row, float* scores, Span seen) {
  const int64_t begin = seen.begin / kLanes * kLanes;
  Lanes most = lanes_of(-INFINITY);
  for (int64_t j = begin; j < seen.end; j += kLanes) {
    const Lanes s = hide(row.score(load(scores + j), j), j, seen);
    store(scores + j, s);
    most = max_or_b(s, most);
  }
  const float largest = max_of(most);
  // Where all scores are -inf, another block may still have a finite one.
  const Lanes base = lanes_of(largest == -INFINITY ? 0.0f : largest);
  Lanes sum = lanes_zero(), weights = lanes_zero(), most_weight = lanes_zero();
  for (int64_t j = begin; j < seen.end; j += kLanes) {
    const Lanes e = exp_of_negative(load(scores + j) - base), weight = row.weight(e, j);
    store(scores + j, weight);
    sum = sum + e;
    weights = weights + weight;
    most_weight = max_or_b(weight, most_weight);
  }
  return {largest, sum_of(sum), max_of(most_weight), sum_of(weights)};
}

}  // namespace
}  // namespace fptq::kernels
