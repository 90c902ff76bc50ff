// The exchange type of the house: what a quantizer produces, a format stores and a backend runs. It holds one
// linear layer y = W x + b, W of shape [rows = out_features, cols = in_features], either dense or as codes
// with their scales, and says how the layer's input is quantized.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tensor/code_row.h"
#include "tensor/tensor.h"

namespace fptq {

// What a code stands for.
enum class CodeType : uint8_t {
  kInteger,
  kFloat8E4M3,    // base/float8.h
  kFloat8E5M2,    // base/float8.h
  kNormalFloat4,  // an index into kNormalFloat4
};

// How the weight of a linear layer is stored. bits == 0 means dense.
struct WeightSpec {
  int bits = 0;            // of a code: integers 3, 4 or 8, Float8 8, NormalFloat4 4
  int64_t group_size = 0;  // inputs that share a scale; 0: the whole row (per output channel)
  bool symmetric = true;   // false: every group has a zero point (integers only)
  CodeType type = CodeType::kInteger;
  bool per_tensor = false;  // all rows have the same scale and zero point; group_size is 0
  bool nested = false;      // the scales are quantized themselves (kNormalFloat4 only)

  bool dense() const { return bits == 0; }
  bool operator==(const WeightSpec&) const = default;
};

enum class ActivationMode : uint8_t {
  kFloat,         // not quantized
  kStaticTensor,  // one scale known beforehand
  kDynamicToken,  // a scale per token from that token's own maximum
};

struct ActivationSpec {
  ActivationMode mode = ActivationMode::kFloat;
  bool symmetric = true;
  float scale = 0.0f;                  // kStaticTensor: x ~ (q - zero_point) * scale
  int32_t zero_point = 0;              // kStaticTensor and not symmetric
  CodeType type = CodeType::kInteger;  // or kFloat8E4M3, which is symmetric
  int bits = 8;                        // of integers 4 or 8

  bool operator==(const ActivationSpec&) const = default;
};

// Scales that are quantized themselves, bitsandbytes' double quantization: block i of weights has scale
// map[code i] * absmax[i / kBlock] + offset, each operation rounded to float32.
struct NestedScales {
  static constexpr int64_t kBlock = 256;

  Tensor absmax;  // F32 [ceil(blocks / kBlock)]
  Tensor map;     // F32 [256]
  float offset = 0.0f;
};

// Dense: `weight` is [rows, cols] of a floating type (block types allowed).
// Integers: `codes` is U8 [rows, packed_row_bytes(cols, bits)], or I8 [rows, cols] for 8 bits, with rows as
//   write_code_row() leaves them: the bytes of compressed-tensors' `weight_packed`, or of its plain `weight`.
//   `zero_points` I8 [rows, groups], signed like the codes (-8..7 or -128..127), absent when symmetric.
//   W = (code - zero_point) * scale.
// Float8: `codes` is F8_E4M3 or F8_E5M2 [rows, cols], all finite. W = number * scale.
//   Of both, `scales` is [rows, groups] F32, F16 or BF16; per_tensor, the same number rows times.
// NormalFloat4: `codes` is U8 [ceil(rows * cols / 2), 1], two codes a byte, the first in the high nibble.
//   Groups are of consecutive weights and go on across the ends of rows; the last one may be shorter.
//   `scales` has one element for each, [blocks]: F32, or, nested, U8 codes with the rest in `nested`. W =
//   kNormalFloat4[code] * scale. These are bitsandbytes' bytes.
struct LinearWeights {
  int64_t rows = 0;
  int64_t cols = 0;
  WeightSpec spec;
  ActivationSpec activation;
  Tensor weight;
  Tensor codes;
  Tensor scales;
  Tensor zero_points;
  NestedScales nested;
  Tensor bias;  // [rows], absent when there is none

  int64_t group_size() const { return spec.group_size == 0 ? cols : spec.group_size; }
  int64_t groups() const { return (cols + group_size() - 1) / group_size(); }  // of a row
  // NormalFloat4: groups of the whole matrix.
  int64_t blocks() const { return (rows * cols + group_size() - 1) / group_size(); }

  // Shapes and types fit the rules above; scales are finite and not 0 (those of NF4's blocks not negative),
  // codes are numbers. Throws Error(kBadModel, where).
  void validate(const std::string& where) const;
  // Scale `i` of `scales` in float32, that of a block also where it is nested. Not of a dense matrix.
  float scale_at(int64_t i) const;
  // The zero point beside it, 0 where there are none.
  int zero_point_at(int64_t i) const;
  // Row `r` as floats, computed in float32 as above. dst has `cols` elements.
  void decode_row(int64_t r, float* dst) const;
};

// Codes of 4 or 8 bits with inputs of 8, all integers: what the integer kernels multiply. All else becomes
// floats.
inline bool has_integer_kernel(const WeightSpec& weights, const ActivationSpec& input) {
  return (weights.bits == 4 || weights.bits == 8) && weights.type == CodeType::kInteger &&
         input.mode != ActivationMode::kFloat && input.type == CodeType::kInteger && input.bits == 8;
}

}  // namespace fptq
