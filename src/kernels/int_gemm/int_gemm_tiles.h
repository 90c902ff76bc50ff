// The packed layout of int_gemm and the call that runs on it: plain C structures, all that an ISA's file
// needs.
//
// Columns (outputs) come in panels of 64, the last one padded. Each group of inputs is padded to
// `group_steps` blocks. A block holds, for each of the 64 columns in turn, `interleave` bytes of consecutive
// inputs: those that the ISA's dot-product instruction sums in one lane. At 8 bits a byte is one code; at 4
// bits the low nibbles are the first `interleave` inputs of the block and the high nibbles the next.
//
//   codes [panel][group][step][64][interleave]        scales, offsets, sums [panel][group][64]
//
// Codes are stored with `code_bias` added. Padded inputs meet activations of 0; padded columns have scale 0.
#pragma once

#include <stdint.h>

namespace fptq::kernels {

constexpr int64_t kPanel = 64;
// Rows of one call: their float sums stay in the nearest cache beside a block of weights. A multiple of the
// row tiles of all kernels (4 and 6).
constexpr int64_t kMaxRows = 96;

struct IntTiles {
  int bits;
  int32_t code_bias;
  int64_t columns;  // n, without padding
  int64_t groups;
  int64_t group_bytes;   // of one panel's codes in one group
  int64_t group_inputs;  // inputs of a group with its padding: group_steps * (inputs of a block)
  const uint8_t* codes;
  const float* scales;
  const int32_t* offsets;  // code_bias + zero point; null when symmetric
  const int32_t* sums;     // sum over the group of (code - zero point)
  const float* bias;       // [columns], or null
};

// Some rows of activations times the columns [begin, end); begin is a multiple of kPanel.
struct IntRows {
  const int8_t* a;          // [rows][groups][group_inputs]; padding is 0
  int64_t rows;             // 1 .. kMaxRows
  const float* act_scale;   // [rows]
  const int32_t* act_zero;  // [rows], or null
  int64_t begin, end;
  float* y;
  int64_t ldy;
  // Room for the kernel, 64-byte aligned.
  int32_t* a_sums;  // [rows][groups]
  int16_t* a_wide;  // [rows][groups][group_inputs]; null unless the kernel widens activations
  uint8_t* panel;   // unpacked codes of panel_groups groups of a panel
  int64_t panel_groups;
  float* acc;  // [rows][kPanel]
};

// What a kernel wants of the packing.
struct IntLayout {
  int interleave;
  int32_t code_bias;
  int unpacked_bytes;  // of one code in IntRows::panel; 0: codes are used as they are stored
  bool widens_activations;
};

struct IntKernel {
  IntLayout four_bits, eight_bits;
  void (*run)(const IntTiles& weights, const IntRows& rows);
};

}  // namespace fptq::kernels
