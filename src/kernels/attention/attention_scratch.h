// How attention's scratch and its partial results are laid out, in floats. Nothing here has linkage.
#pragma once

#include "kernels/attention/attention.h"

namespace fptq::kernels {

// Partial results of a call's rows: for each row its largest score, its sum of exponentials and the factor of
// its weighted values, then the weighted values, padded to whole panels. A row that sees nothing of the block
// has -inf, 0 and 0, and its values are not set.
struct Partials {
  int64_t sums, factors, values;
  int64_t end;
};

static constexpr Partials partials_layout(int64_t rows, int64_t head_dim) {
  const int64_t padded = (rows + 15) / 16 * 16;
  return {padded, 2 * padded, 3 * padded, 3 * padded + rows * kv_padded_dims(head_dim)};
}

// Rows are kKvBlock long: a query longer than that continues in a further set of rows.
struct Scratch {
  int64_t queries;         // [query parts][rows][kKvBlock] floats, or int16
  int64_t query_scales;    // [rows]: what an integer score times a key's scale is to be multiplied by
  int64_t scores;          // [rows][kKvBlock]: scores, then exponentials
  int64_t weights;         // [rows][kKvBlock] int16
  int64_t panels;          // halves as floats
  int64_t partial, total;  // of a block, of all blocks before
  int64_t end;
};

static constexpr int64_t query_parts(int64_t head_dim) {
  return (head_dim + kKvBlock - 1) / kKvBlock;
}

// Panels of halves that are made floats at once.
constexpr int64_t kExpandedPanels = 4;

static constexpr Scratch scratch_layout(int64_t head_dim) {
  const int64_t rows = kAttentionRows * kKvBlock;
  Scratch s = {};
  s.query_scales = s.queries + query_parts(head_dim) * rows;
  s.scores = s.query_scales + kAttentionRows;
  s.weights = s.scores + rows;
  s.panels = s.weights + rows / 2;
  s.partial = s.panels + kKvBlock * kKvPanel * kExpandedPanels;
  s.total = s.partial + partials_layout(kAttentionRows, head_dim).end;
  s.end = s.total + partials_layout(kAttentionRows, head_dim).end;
  return s;
}

}  // namespace fptq::kernels
