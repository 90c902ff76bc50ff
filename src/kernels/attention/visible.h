// Which positions a row sees. Nothing here has linkage.
#pragma once

#include "kernels/attention/attention.h"

namespace fptq::kernels {

struct Span {
  int64_t begin, end;
};

// Both ends grow with the row.
static constexpr Span visible(const AttentionArgs& a, int64_t row) {
  const int64_t end = a.first_position + (a.row_begin + row) / a.group + 1;
  return {a.window > 0 && end > a.window ? end - a.window : 0, end};
}

static constexpr int64_t first_block(const AttentionArgs& a) {
  return visible(a, 0).begin / kKvBlock;
}
static constexpr int64_t end_block(const AttentionArgs& a) {
  return (visible(a, a.rows - 1).end + kKvBlock - 1) / kKvBlock;
}

// The part of a span in a block, counted from the block's begin; empty where begin >= end.
static constexpr Span in_block(Span all, int64_t block) {
  const int64_t from = block * kKvBlock, begin = all.begin - from, end = all.end - from;
  return {begin < 0 ? 0 : begin, end > kKvBlock ? kKvBlock : end};
}

}  // namespace fptq::kernels
