// The body of attention, included by one file per ISA.
#pragma once

#include "kernels/attention/code_cache.h"
#include "kernels/attention/float_cache.h"

namespace fptq::kernels {
namespace {

// One call's partial results, or their total so far.
struct RowResults {
  float *largest, *sums, *factors, *values;

  FPTQ_INLINE RowResults(const AttentionArgs& a, float* at) {
    const Partials parts = partials_layout(a.rows, a.head_dim);
    largest = at;
    sums = at + parts.sums;
    factors = at + parts.factors;
    values = at + parts.values;
  }
  FPTQ_INLINE void clear(int64_t rows) const {
    for (int64_t row = 0; row < rows; row += kLanes) {
      store(largest + row, lanes_of(-INFINITY));
      store(sums + row, lanes_zero());
      store(factors + row, lanes_zero());
    }
  }
};

template <typename Cache>
void attend_block(const Work& w, const BlockRows& rows, const RowResults& partial) {
  partial.clear(w.a.rows);
  const int64_t end = w.seen_in(rows.end - 1, rows.block).end;
  Cache::score(w, rows, (end + kKvPanel - 1) / kKvPanel);
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const Span seen = w.seen_in(row, rows.block);
    const RowSums sums = soften(Cache::row_of(w, rows, row), w.score_row(row), seen);
    partial.largest[row] = sums.largest;
    partial.sums[row] = sums.sum;
    partial.factors[row] = Cache::finish_weights(w, row, seen, sums);
  }
  Cache::sum_values(w, rows, partial.values);
}

void begin_total(const Work& w, const RowResults& total) {
  total.clear(w.a.rows);
  memset(total.values, 0, (size_t)(w.a.rows * w.dims) * sizeof(float));
}

// Old and new are brought to the larger of their two largest scores, then they add. For a row that does not
// see the block this changes no bit.
void merge_block(const Work& w, const BlockRows& rows, const RowResults& partial, const RowResults& total) {
  float old_factors[kAttentionRows], new_factors[kAttentionRows];
  for (int64_t row = 0; row < w.a.rows; row += kLanes) {
    const Lanes before = load(total.largest + row), now = load(partial.largest + row);
    const Lanes largest = max_or_b(now, before);
    // -inf - -inf would be NaN.
    const Lanes base = max_or_b(largest, lanes_of(-3.0e38f));
    const Lanes old_factor = exp_of_negative(before - base), new_factor = exp_of_negative(now - base);
    store(total.largest + row, largest);
    store(total.sums + row, load(total.sums + row) * old_factor + load(partial.sums + row) * new_factor);
    store(old_factors + row, old_factor);
    store(new_factors + row, new_factor * load(partial.factors + row));
  }
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const Lanes old_factor = lanes_of(old_factors[row]), new_factor = lanes_of(new_factors[row]);
    float* sum = total.values + row * w.dims;
    const float* more = partial.values + row * w.dims;
    for (int64_t d = 0; d < w.dims; d += kLanes) {
      store(sum + d, load(sum + d) * old_factor + load(more + d) * new_factor);
    }
  }
}

void write_out(const Work& w, const RowResults& total) {
  const AttentionArgs& a = w.a;
  for (int64_t row = 0; row < a.rows; ++row) {
    const int64_t r = a.row_begin + row;
    float* out = a.out + r / a.group * a.out_stride + r % a.group * a.head_dim;
    for (int64_t d = 0; d < a.head_dim; ++d) out[d] = total.values[row * w.dims + d] / total.sums[row];
  }
}

template <typename Cache>
void attend_in(const AttentionArgs& a) {
  const Work w(a);
  const Scratch at = scratch_layout(a.head_dim);
  const RowResults partial(a, a.scratch + at.partial), total(a, a.scratch + at.total);
  Cache::prepare_queries(w);
  begin_total(w, total);
  for (int64_t block = first_block(a); block < end_block(a); ++block) {
    const BlockRows rows = rows_seeing(w, block);
    attend_block<Cache>(w, rows, partial);
    merge_block(w, rows, partial, total);
  }
  write_out(w, total);
}

template <typename Cache>
void attend_blocks_in(const AttentionArgs& a, int64_t begin, int64_t end, float* partials) {
  const Work w(a);
  Cache::prepare_queries(w);
  for (int64_t block = begin; block < end; ++block) {
    attend_block<Cache>(w, rows_seeing(w, block), RowResults(a, partials));
    partials += partials_layout(a.rows, a.head_dim).end;
  }
}

void attend(const AttentionArgs& a) {
  switch (a.format) {
    case KvFormat::kFloat:
      return attend_in<FloatCache<FloatPanels>>(a);
    case KvFormat::kHalf:
      return attend_in<FloatCache<HalfPanels>>(a);
    case KvFormat::kInt8:
      return attend_in<CodeCache>(a);
    case KvFormat::kFloat8:
      return attend_in<FloatCache<Float8Panels>>(a);
  }
}

void attend_blocks(const AttentionArgs& a, int64_t begin, int64_t end, float* partials) {
  switch (a.format) {
    case KvFormat::kFloat:
      return attend_blocks_in<FloatCache<FloatPanels>>(a, begin, end, partials);
    case KvFormat::kHalf:
      return attend_blocks_in<FloatCache<HalfPanels>>(a, begin, end, partials);
    case KvFormat::kInt8:
      return attend_blocks_in<CodeCache>(a, begin, end, partials);
    case KvFormat::kFloat8:
      return attend_blocks_in<FloatCache<Float8Panels>>(a, begin, end, partials);
  }
}

void merge_blocks(const AttentionArgs& a, const float* partials) {
  const Work w(a);
  const RowResults total(a, a.scratch + scratch_layout(a.head_dim).total);
  begin_total(w, total);
  for (int64_t block = first_block(a); block < end_block(a); ++block) {
    merge_block(w, rows_seeing(w, block), RowResults(a, const_cast<float*>(partials)), total);
    partials += partials_layout(a.rows, a.head_dim).end;
  }
  write_out(w, total);
}

}  // namespace
}  // namespace fptq::kernels
