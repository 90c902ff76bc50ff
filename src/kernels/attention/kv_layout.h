// How keys and values lie in memory. The cache of a sequence is a list of blocks of kKvBlock positions; a
// block holds one record for each kv head, laid out for the two products of attention, Q K^T and P V: each is
// rows times panels of 16 columns, and a panel holds its 16 columns together for one inner index after the
// other.
//
//   keys     [kKvBlock / 16][head_dim][16 positions]
//   values   [padded dims / 16][kKvBlock][16 dims]
//   scales   key scales [kKvBlock], value scales [kKvBlock]: INT8 only
//
// Elements are floats, IEEE halves, FP8 numbers (E4M3), or INT8 codes (x = code * scale of its position).
// INT8 panels hold inner indices in pairs, [inner / 2][16][2], as the 16-bit multiply-and-add of pairs wants
// them.
//
// Nothing here has linkage: ISA files include it (docs/style: ISA files are islands).
#pragma once

#include <stdint.h>

namespace fptq::kernels {

enum class KvFormat { kFloat, kHalf, kInt8, kFloat8 };

// Positions of a block: enough that merging two blocks' sums costs little beside making them.
constexpr int64_t kKvBlock = 128;
constexpr int64_t kKvPanel = 16;

// One kv head's record, in bytes from its begin; keys come first.
struct KvLayout {
  int64_t values, key_scales, value_scales;
  int64_t bytes;  // a multiple of 64
};

// Values are padded to whole panels; the padding is zero.
static constexpr int64_t kv_padded_dims(int64_t head_dim) {
  return (head_dim + kKvPanel - 1) / kKvPanel * kKvPanel;
}

// `head_dim` is even.
static constexpr KvLayout kv_layout(KvFormat format, int64_t head_dim) {
  const int64_t element = format == KvFormat::kFloat ? 4 : format == KvFormat::kHalf ? 2 : 1;
  const int64_t scales = format == KvFormat::kInt8 ? kKvBlock * 4 : 0;
  const int64_t values = kKvBlock * head_dim * element;
  const int64_t key_scales = values + kKvBlock * kv_padded_dims(head_dim) * element;
  return {values, key_scales, key_scales + scales, key_scales + 2 * scales};
}

}  // namespace fptq::kernels
