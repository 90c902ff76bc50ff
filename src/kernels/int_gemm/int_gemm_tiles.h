// The packed layout of int_gemm and the call that runs on it: plain C structures, all that an ISA's file
// needs.
//
// Columns (outputs) come in panels of the kernel's width, the last one padded. Each group of inputs is padded
// to a whole number of blocks. A block holds, for each column of the panel in turn, `interleave` bytes of
// consecutive inputs: those that the ISA's dot-product instruction sums in one lane. At 8 bits a byte is one
// code; at 4 bits the low nibbles are the first `interleave` inputs of the block and the high nibbles the
// next.
//
//   codes [panel][group][block][width][interleave]        scales, zeros, sums [panel][group][width]
//
// Codes are stored with `code_bias` added. Padded inputs meet activations of 0; padded columns have scale 0.
#pragma once

#include <stdint.h>

namespace fptq::kernels {

enum IntScaleType { kScaleF32, kScaleF16, kScaleBF16 };

struct IntTiles {
  int bits;
  int32_t code_bias;
  int64_t columns;  // n, without padding
  int64_t groups;
  int64_t group_bytes;   // of one panel's codes in one group
  int64_t group_inputs;  // inputs of a group with its padding
  const uint8_t* codes;
  IntScaleType scale_type;
  const void* scales;
  const int8_t* zeros;  // null when symmetric
  const int32_t* sums;  // sum over the group of (code - zero point); null unless the input has zero points
  const float* bias;    // [columns], or null
};

// Some tiles of activations (int_activations.h) times the columns [begin, end); begin is a multiple of 64.
struct IntRows {
  bool matrix;  // activations lie as 16-row matrices
  const int8_t* a;
  const int32_t* starts;
  const int32_t* pairs;
  int64_t rows;
  int64_t height;           // of a tile; the last may be lower
  const float* act_scale;   // [rows]
  const int32_t* act_zero;  // [rows], or null
  int64_t begin, end;
  float* y;
  int64_t ldy;
  uint8_t* panel;  // room for one panel's unpacked codes, 64-byte aligned
};

// What a kernel wants of the packing.
struct IntLayout {
  int interleave;
  int32_t code_bias;
  int input_bytes;     // of an activation
  int unpacked_bytes;  // of one code in IntRows::panel; 0: codes are used as they are stored
};

struct IntKernel {
  int width;       // columns of a panel
  int max_height;  // rows of a tile
  IntLayout four_bits, eight_bits;
  void (*run)(const IntTiles& weights, const IntRows& rows);
  // From how many rows on the kernel wants them as 16-row matrices, where groups are multiples of 32 inputs,
  // and how many it then takes at once; 0: never.
  int matrix_from;
  int matrix_height;
};

}  // namespace fptq::kernels
