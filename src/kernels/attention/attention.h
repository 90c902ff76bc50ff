// Causal attention of some queries of one head over one kv head's cache: softmax(scale * q K^T) V in float32.
// The cache is float, or INT8 with one scale per position (x = code * scale). The result for a query
// depends on nothing but that query, the cache and the window: not on how queries are grouped, the ISA, or
// threads.
#pragma once

#include <cstdint>

namespace fptq::kernels {

enum class Isa;  // kernels/isa.h

struct AttentionArgs {
  const float* q = nullptr;  // query i at q + i * q_stride, head_dim floats
  int64_t queries = 0;
  int64_t q_stride = 0;
  int64_t head_dim = 0;        // a multiple of 2; kernels must handle any value
  int64_t first_position = 0;  // position of query 0; query i sees positions 0 .. first_position + i
  int64_t window = 0;          // > 0: a query sees only the last `window` positions, itself included
  float scale = 1.0f;
  const float* k = nullptr;  // [positions, head_dim], or null when INT8
  const float* v = nullptr;
  const int8_t* k_codes = nullptr;  // [positions, head_dim]
  const int8_t* v_codes = nullptr;
  const float* k_scales = nullptr;  // [positions]
  const float* v_scales = nullptr;
  float* out = nullptr;  // query i at out + i * out_stride
  int64_t out_stride = 0;
  float* scratch =
      nullptr;  // attention_scratch_floats(queries, first_position + queries) floats, 64-byte aligned
};

int64_t attention_scratch_floats(int64_t queries, int64_t positions);

using Attention = void (*)(const AttentionArgs& args);
Attention attention(Isa isa);

}  // namespace fptq::kernels
