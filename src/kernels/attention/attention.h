// Causal attention softmax(scale * q K^T) V of the query heads that share one kv head.
//
// A row is one query head of one query; row r belongs to query r / group, head r % group. A block of keys
// (kv_layout.h) gives each row that sees any of its positions a partial result: the largest score, the sum of
// exponentials and the weighted sum of values relative to it. A row's result is its blocks' partial results
// merged in ascending order (online softmax). A partial result depends on nothing but the row, the block and
// the window; so neither the ISA, nor threads, nor how rows and blocks are cut into calls change any bit.
//
// Floats, halves and FP8: float32 with fused multiply-add in a fixed order.
// INT8: the query is rounded to 16 bits per row, the weights (exponential * value scale) to 16 bits per row
// and block, and both products are exact in int32: the rounding is 2^-16 of the largest, next to the codes'
// own 2^-8.
#pragma once

#include <cstdint>

#include "kernels/attention/kv_layout.h"

namespace fptq::kernels {

enum class Isa;  // kernels/isa.h

// Rows that one call takes: they share each load of keys and values.
constexpr int64_t kAttentionRows = 96;

struct AttentionArgs {
  const float* q =
      nullptr;  // query i, head h of the group: head_dim floats at q + i * q_stride + h * head_dim
  int64_t q_stride = 0;
  int64_t group = 1;     // query heads that share the kv head
  int64_t head_dim = 0;  // even
  int64_t row_begin = 0;
  int64_t rows = 0;            // 1 .. kAttentionRows
  int64_t first_position = 0;  // of query 0; query i sees positions 0 .. first_position + i
  int64_t window = 0;          // > 0: a query sees only the last `window` positions, itself included
  float scale = 1.0f;
  KvFormat format = KvFormat::kFloat;
  const uint8_t* const* blocks = nullptr;  // block b holds positions [b * kKvBlock, (b + 1) * kKvBlock)
  int64_t record = 0;                      // where in each block the kv head's record begins, bytes
  float* out = nullptr;                    // as q
  int64_t out_stride = 0;
  float* scratch = nullptr;  // attention_scratch_floats(head_dim), 64-byte aligned, one per thread
};

int64_t attention_scratch_floats(int64_t head_dim);
// The partial results of one block's rows, 64-byte aligned.
int64_t attention_partial_floats(int64_t rows, int64_t head_dim);

// The blocks that any row of the call sees: [first_block, end_block).
int64_t attention_first_block(const AttentionArgs& args);
int64_t attention_end_block(const AttentionArgs& args);

// Thread-safe.
struct Attention {
  void (*attend)(const AttentionArgs& args);
  // attend() in two steps, for few rows and many blocks: partial results of blocks [begin, end), in any order
  // and on any thread, to partials [end - begin]; then out from those of all blocks [first_block,
  // end_block).
  void (*attend_blocks)(const AttentionArgs& args, int64_t begin, int64_t end, float* partials);
  void (*merge_blocks)(const AttentionArgs& args, const float* partials);
};

const Attention& attention(Isa isa);

}  // namespace fptq::kernels
