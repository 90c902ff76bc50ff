// Attention over floats, and over halves and FP8, which become floats: once for several rows, or on the way
// into registers for few.
#pragma once

#include "kernels/attention/block_softmax.h"
#include "kernels/attention/work.h"

namespace fptq::kernels {
namespace {

// b's panels and inner indices are those of `a`'s columns [k_begin, k_end).
FPTQ_INLINE void multiply_stored(const Work&, const float* a, int64_t rows, const FloatPanels& b,
                                 int64_t panels, int64_t k_begin, int64_t k_end, const Output& c) {
  multiply(a, rows, b, 0, panels, k_begin, k_end, c);
}

template <typename Panels>
FPTQ_INLINE void multiply_stored(const Work& w, const float* a, int64_t rows, const Panels& b, int64_t panels,
                                 int64_t k_begin, int64_t k_end, const Output& c) {
  if (rows <= kFewRows) return multiply(a, rows, b, 0, panels, k_begin, k_end, c);
  for (int64_t panel = 0; panel < panels; panel += kExpandedPanels) {
    const int64_t n = panels - panel < kExpandedPanels ? panels - panel : kExpandedPanels;
    for (int64_t p = 0; p < n; ++p) {
      float* expanded = w.panels + p * kKvBlock * kKvPanel;
      for (int64_t k = k_begin; k < k_end; ++k) {
        store(expanded + (k - k_begin) * kKvPanel, b.row(panel + p, k));
      }
    }
    multiply(a + k_begin, rows, FloatPanels{w.panels, kKvBlock}, 0, n, 0, k_end - k_begin,
             {c.data + panel * kKvPanel, c.stride, c.add});
  }
}

template <typename Panels>
struct FloatCache {
  struct Row {
    FPTQ_INLINE Lanes score(const Lanes& raw, int64_t) const { return raw; }
    FPTQ_INLINE Lanes weight(const Lanes& e, int64_t) const { return e; }
  };

  static void prepare_queries(const Work& w) {
    for (int64_t row = 0; row < w.a.rows; ++row) {
      const float* q = w.query(row);
      for (int64_t d = 0; d < w.a.head_dim; ++d) {
        const int64_t part = d / kKvBlock;
        w.queries[(part * kAttentionRows + row) * kKvBlock + d % kKvBlock] = q[d] * w.a.scale;
      }
    }
  }

  // Raw scores of the block's first `panels` panels.
  static void score(const Work& w, const BlockRows& rows, int64_t panels) {
    const Panels keys = {(decltype(Panels::data))rows.record, w.a.head_dim};
    for (int64_t part = 0; part < query_parts(w.a.head_dim); ++part) {
      const int64_t from = part * kKvBlock,
                    to = w.a.head_dim < from + kKvBlock ? w.a.head_dim : from + kKvBlock;
      const float* a = w.queries + (part * kAttentionRows + rows.begin) * kKvBlock - from;
      multiply_stored(w, a, rows.end - rows.begin, keys, panels, from, to,
                      {w.score_row(rows.begin), kKvBlock, part > 0});
    }
  }

  static FPTQ_INLINE Row row_of(const Work&, const BlockRows&, int64_t) { return {}; }
  // Returns what the row's weighted values are to be multiplied by.
  static FPTQ_INLINE float finish_weights(const Work&, int64_t, Span, const RowSums&) { return 1.0f; }

  // A value that a row does not see must not touch it, not even as NaN times 0: positions that all rows see
  // go together, those before and behind them row by row.
  static void sum_values(const Work& w, const BlockRows& rows, float* sums) {
    const Panels values = {(decltype(Panels::data))(rows.record + w.layout.values), kKvBlock};
    const int64_t begin = w.seen_in(rows.end - 1, rows.block).begin,
                  end = w.seen_in(rows.begin, rows.block).end;
    const bool all_alike =
        w.seen_in(rows.begin, rows.block).begin == begin && w.seen_in(rows.end - 1, rows.block).end == end;
    const auto sum_rows = [&](int64_t row, int64_t n, Span k) {
      if (k.begin >= k.end) return;
      multiply_stored(w, w.score_row(row), n, values, w.dims / kKvPanel, k.begin, k.end,
                      {sums + row * w.dims, w.dims, !all_alike});
    };
    if (all_alike) return sum_rows(rows.begin, rows.end - rows.begin, {begin, end});
    const bool common = begin < end;
    memset(sums + rows.begin * w.dims, 0, (size_t)((rows.end - rows.begin) * w.dims) * sizeof(float));
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      const Span own = w.seen_in(row, rows.block);
      sum_rows(row, 1, {own.begin, common ? begin : own.end});
    }
    if (!common) return;
    sum_rows(rows.begin, rows.end - rows.begin, {begin, end});
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      sum_rows(row, 1, {end, w.seen_in(row, rows.block).end});
    }
  }
};

}  // namespace
}  // namespace fptq::kernels
