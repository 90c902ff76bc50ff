// One call's arrays, and what its rows see.
#pragma once

#include "kernels/attention/attention_scratch.h"
#include "kernels/attention/panel_product.h"
#include "kernels/attention/visible.h"

namespace fptq::kernels {
namespace {

struct Work {
  const AttentionArgs& a;
  KvLayout layout;
  int64_t dims;  // padded
  float *queries, *query_scales, *scores, *weights, *panels;
  Span seen[kAttentionRows];

  FPTQ_INLINE explicit Work(const AttentionArgs& args)
      : a(args), layout(kv_layout(args.format, args.head_dim)), dims(kv_padded_dims(args.head_dim)) {
    const Scratch at = scratch_layout(a.head_dim);
    queries = a.scratch + at.queries;
    query_scales = a.scratch + at.query_scales;
    scores = a.scratch + at.scores;
    weights = a.scratch + at.weights;
    panels = a.scratch + at.panels;
    for (int64_t row = 0; row < a.rows; ++row) seen[row] = visible(a, row);
  }

  FPTQ_INLINE Span seen_in(int64_t row, int64_t block) const { return in_block(seen[row], block); }
  FPTQ_INLINE float* score_row(int64_t row) const { return scores + row * kKvBlock; }
  FPTQ_INLINE const float* query(int64_t row) const {
    const int64_t r = a.row_begin + row;
    return a.q + r / a.group * a.q_stride + r % a.group * a.head_dim;
  }
};

// A block, and the rows that see some of it: neighbours, because both ends of what a row sees grow with it.
struct BlockRows {
  int64_t block;
  const uint8_t* record;
  int64_t begin, end;
};

FPTQ_INLINE BlockRows rows_seeing(const Work& w, int64_t block) {
  BlockRows rows = {block, w.a.blocks[block] + w.a.record, 0, w.a.rows};
  const int64_t from = block * kKvBlock;
  while (rows.begin < rows.end && w.seen[rows.begin].end <= from) ++rows.begin;
  while (rows.begin < rows.end && w.seen[rows.end - 1].begin >= from + kKvBlock) --rows.end;
  return rows;
}

}  // namespace
}  // namespace fptq::kernels
