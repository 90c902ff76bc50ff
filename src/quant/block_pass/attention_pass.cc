#include "quant/block_pass/attention_pass.h"

#include <algorithm>
#include <cmath>

#include "base/aligned_buffer.h"
#include "linalg/sgemm.h"
#include "quant/block_pass/row_ops.h"

namespace fptq {
namespace {

// Queries whose scores are held at once: with a window of 512, two such blocks fit a second-level cache, and
// what a causal mask throws away is an eighth.
constexpr int64_t kQueries = 128;

// A block of queries and the keys that any of them sees.
struct ScoreBlock {
  int64_t first_query, queries, first_key, keys;

  ScoreBlock(const AttentionHeads& h, int64_t first)
      : first_query(first),
        queries(std::min(kQueries, h.tokens - first)),
        first_key(h.window > 0 ? std::max<int64_t>(0, first - h.window + 1) : 0),
        keys(first_query + queries - first_key) {}
};

// The keys of a block that its i-th query sees, [begin, end).
struct Visible {
  int64_t begin, end;

  Visible(const AttentionHeads& h, const ScoreBlock& b, int64_t i) {
    const int64_t query = b.first_query + i;
    end = query + 1 - b.first_key;
    begin = h.window > 0 ? std::max<int64_t>(0, query + 1 - h.window - b.first_key) : 0;
  }
};

float score_factor(const AttentionHeads& h) {
  return 1.0f / std::sqrt(static_cast<float>(h.head_dim));
}

// scores [queries, keys] = q k^T / sqrt(head_dim), not masked yet.
void score(const AttentionHeads& h, const ScoreBlock& b, int64_t head, float* scores) {
  sgemm(b.queries, b.keys, h.head_dim, score_factor(h),
        {h.q + b.first_query * h.stride + head * h.head_dim, h.stride},
        {h.k + b.first_key * h.stride, h.stride, true}, 0.0f, scores, b.keys);
}

void clear_hidden(const Visible& seen, int64_t keys, float* row) {
  std::fill(row, row + seen.begin, 0.0f);
  std::fill(row + seen.end, row + keys, 0.0f);
}

void clear_rows(float* x, int64_t rows, int64_t width, int64_t stride) {
  for (int64_t t = 0; t < rows; ++t) std::fill_n(x + t * stride, width, 0.0f);
}

// Memory of the calling thread, kept from call to call; it ends with the thread.
float* scratch(int64_t blocks, int64_t floats) {
  thread_local AlignedBuffer<float> buffer;
  buffer.ensure(static_cast<size_t>(blocks * floats));
  return buffer.data();
}

}  // namespace

void attend(const AttentionHeads& h, float* out, int64_t out_stride, float* log_sums, int64_t log_stride) {
  float* scores = scratch(1, std::min(kQueries, h.tokens) * h.tokens);
  for (int64_t head = 0; head < h.group; ++head) {
    for (int64_t first = 0; first < h.tokens; first += kQueries) {
      const ScoreBlock b(h, first);
      score(h, b, head, scores);
      for (int64_t i = 0; i < b.queries; ++i) {
        float* row = scores + i * b.keys;
        const Visible seen(h, b, i);
        const int64_t n = seen.end - seen.begin;
        const float top = largest(row + seen.begin, n);
        exponentials(top, n, row + seen.begin);
        const float total = sum_of(row + seen.begin, n);
        scale_by(1.0f / total, n, row + seen.begin);
        clear_hidden(seen, b.keys, row);
        log_sums[(first + i) * log_stride + head] = top + std::log(total);
      }
      sgemm(b.queries, h.head_dim, b.keys, 1.0f, {scores, b.keys}, {h.v + b.first_key * h.stride, h.stride},
            0.0f, out + first * out_stride + head * h.head_dim, out_stride);
    }
  }
}

void attend_backward(const AttentionHeads& h, const AttendedHeads& a, float* dq, float* dk, float* dv,
                     int64_t stride) {
  const int64_t block_floats = std::min(kQueries, h.tokens) * h.tokens;
  float* weights = scratch(2, block_floats);  // softmax(scores)
  float* gradient = weights + block_floats;   // of the weights, then of the scores
  clear_rows(dk, h.tokens, h.head_dim, stride);
  clear_rows(dv, h.tokens, h.head_dim, stride);
  for (int64_t head = 0; head < h.group; ++head) {
    for (int64_t first = 0; first < h.tokens; first += kQueries) {
      const ScoreBlock b(h, first);
      const float* out = a.out + first * a.stride + head * h.head_dim;
      const float* d_out = a.gradient + first * a.stride + head * h.head_dim;
      score(h, b, head, weights);
      sgemm(b.queries, b.keys, h.head_dim, 1.0f, {d_out, a.stride},
            {h.v + b.first_key * h.stride, h.stride, true}, 0.0f, gradient, b.keys);
      for (int64_t i = 0; i < b.queries; ++i) {
        const Visible seen(h, b, i);
        const int64_t n = seen.end - seen.begin;
        float *p = weights + i * b.keys, *dp = gradient + i * b.keys;
        exponentials(a.log_sums[(first + i) * a.log_stride + head], n, p + seen.begin);
        // The sum of p * dp over the keys is the product of the output and its gradient.
        const float mean = dot(out + i * a.stride, d_out + i * a.stride, h.head_dim);
        softmax_backward(p + seen.begin, mean, score_factor(h), n, dp + seen.begin);
        clear_hidden(seen, b.keys, p);
        clear_hidden(seen, b.keys, dp);
      }
      sgemm(b.keys, h.head_dim, b.queries, 1.0f, {weights, b.keys, true}, {d_out, a.stride}, 1.0f,
            dv + b.first_key * stride, stride);
      sgemm(b.keys, h.head_dim, b.queries, 1.0f, {gradient, b.keys, true},
            {h.q + first * h.stride + head * h.head_dim, h.stride}, 1.0f, dk + b.first_key * stride, stride);
      sgemm(b.queries, h.head_dim, b.keys, 1.0f, {gradient, b.keys}, {h.k + b.first_key * h.stride, h.stride},
            0.0f, dq + first * stride + head * h.head_dim, stride);
    }
  }
}

}  // namespace fptq
