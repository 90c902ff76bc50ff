// Attention over INT8 codes: integer products of 16-bit queries and weights.
#pragma once

#include "kernels/attention/block_softmax.h"
#include "kernels/attention/sixteen_bits.h"
#include "kernels/attention/work.h"

namespace fptq::kernels {
namespace {

struct CodeCache {
  struct Row {
    const float *key_scales, *value_scales;
    Lanes factor;

    FPTQ_INLINE Lanes score(const Lanes& raw, int64_t j) const { return raw * load(key_scales + j) * factor; }
    // 0 where the exponential is, whatever the scale of a position that the row does not see.
    FPTQ_INLINE Lanes weight(const Lanes& e, int64_t j) const {
      return where_less(lanes_zero(), e, e * load(value_scales + j), lanes_zero());
    }
  };

  static FPTQ_INLINE int16_t* query_codes(const Work& w, int64_t part, int64_t row) {
    return (int16_t*)w.queries + (part * kAttentionRows + row) * kKvBlock;
  }
  static FPTQ_INLINE int16_t* weight_codes(const Work& w, int64_t row) {
    return (int16_t*)w.weights + row * kKvBlock;
  }
  // Elements [d, d + 16) of a query, zeros behind its end.
  static FPTQ_INLINE Lanes query_lanes(const Work& w, const float* q, int64_t d) {
    return d + kLanes <= w.a.head_dim ? load(q + d) : load_first(q + d, w.a.head_dim - d);
  }

  static void prepare_queries(const Work& w) {
    for (int64_t row = 0; row < w.a.rows; ++row) {
      const float* q = w.query(row);
      Lanes most = lanes_zero(), sum = lanes_zero();
      for (int64_t d = 0; d < w.dims; d += kLanes) {
        const Lanes x = magnitude(query_lanes(w, q, d));
        most = max_or_b(x, most);
        sum = sum + x;
      }
      const float largest = max_of(most);
      const Lanes inverse = lanes_of(to_integers(largest));
      for (int64_t d = 0; d < w.dims; d += kLanes) {
        store_rounded(query_codes(w, d / kKvBlock, row) + d % kKvBlock, query_lanes(w, q, d) * inverse);
      }
      w.query_scales[row] = from_integers(largest, sum_of(sum)) * w.a.scale;
    }
  }

  static void score(const Work& w, const BlockRows& rows, int64_t panels) {
    const CodePanels keys = {(const int8_t*)rows.record, w.a.head_dim / 2};
    for (int64_t part = 0; part < query_parts(w.a.head_dim); ++part) {
      const int64_t from = part * kKvBlock,
                    to = w.a.head_dim < from + kKvBlock ? w.a.head_dim : from + kKvBlock;
      multiply(query_codes(w, part, rows.begin) - from, rows.end - rows.begin, keys, 0, panels, from / 2,
               to / 2, {w.score_row(rows.begin), kKvBlock, part > 0});
    }
  }

  static FPTQ_INLINE Row row_of(const Work& w, const BlockRows& rows, int64_t row) {
    return {(const float*)(rows.record + w.layout.key_scales),
            (const float*)(rows.record + w.layout.value_scales), lanes_of(w.query_scales[row])};
  }

  // Weights become integers, 0 where the row sees nothing.
  static FPTQ_INLINE float finish_weights(const Work& w, int64_t row, Span seen, const RowSums& sums) {
    const float* weights = w.score_row(row);
    int16_t* codes = weight_codes(w, row);
    const Lanes inverse = lanes_of(to_integers(sums.largest_weight));
    int64_t j = seen.begin / kLanes * kLanes;
    if (j > 0) memset(codes, 0, (size_t)j * sizeof(int16_t));
    for (; j < seen.end; j += kLanes) store_rounded(codes + j, load(weights + j) * inverse);
    if (j < kKvBlock) memset(codes + j, 0, (size_t)(kKvBlock - j) * sizeof(int16_t));
    return from_integers(sums.largest_weight, sums.weights);
  }

  static void sum_values(const Work& w, const BlockRows& rows, float* sums) {
    const CodePanels values = {(const int8_t*)(rows.record + w.layout.values), kKvBlock / 2};
    const int64_t begin = w.seen_in(rows.begin, rows.block).begin,
                  end = w.seen_in(rows.end - 1, rows.block).end;
    multiply(weight_codes(w, rows.begin), rows.end - rows.begin, values, 0, w.dims / kKvPanel, begin / 2,
             (end + 1) / 2, {sums + rows.begin * w.dims, w.dims, false});
  }
};

}  // namespace
}  // namespace fptq::kernels
