// The exchange type of the house: what a quantizer produces, a format stores and a backend runs. It holds one
// linear layer y = W x + b, W of shape [rows = out_features, cols = in_features], either dense or as integer
// codes with their scales, and says how the layer's input is quantized.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tensor/tensor.h"

namespace fptq {

// How the weight of a linear layer is stored. bits == 0 means dense.
struct WeightSpec {
  int bits = 0;            // 4 or 8
  int64_t group_size = 0;  // inputs that share a scale; 0: the whole row (per output channel)
  bool symmetric = true;   // false: every group has a zero point

  bool dense() const { return bits == 0; }
  bool operator==(const WeightSpec&) const = default;
};

enum class ActivationMode : uint8_t {
  kFloat,         // not quantized
  kStaticTensor,  // INT8, one scale known beforehand
  kDynamicToken,  // INT8, a scale per token from that token's own maximum
};

struct ActivationSpec {
  ActivationMode mode = ActivationMode::kFloat;
  bool symmetric = true;
  float scale = 0.0f;      // kStaticTensor: x ~ (q - zero_point) * scale
  int32_t zero_point = 0;  // kStaticTensor and not symmetric

  bool operator==(const ActivationSpec&) const = default;
};

// Dense: `weight` is [rows, cols] of a floating type (block types allowed).
// 4 bits: `codes` is U8 [rows, code_row_bytes(cols)]: byte b of a row holds column 2b in its low nibble and
// 2b+1
//   in its high one, each as code + 8 (0..15); the tail up to a multiple of 8 columns is padded. These are
//   the bytes of compressed-tensors' `weight_packed`.
// 8 bits: `codes` is I8 [rows, cols], two's complement.
// `scales` is [rows, groups] F32, F16 or BF16; `zero_points` I8 [rows, groups], signed like the codes
//   (-8..7 or -128..127), absent when symmetric. W = (code - zero_point) * scale.
struct LinearWeights {
  int64_t rows = 0;
  int64_t cols = 0;
  WeightSpec spec;
  ActivationSpec activation;
  Tensor weight;
  Tensor codes;
  Tensor scales;
  Tensor zero_points;
  Tensor bias;  // [rows], absent when there is none

  int64_t group_size() const { return spec.group_size == 0 ? cols : spec.group_size; }
  int64_t groups() const { return (cols + group_size() - 1) / group_size(); }

  // Shapes and types fit the rules above; scales are finite and positive. Throws Error(kBadModel, where).
  void validate(const std::string& where) const;
  // Row `r` as floats, (code - zero) * scale in float32. dst has `cols` elements.
  void decode_row(int64_t r, float* dst) const;
};

inline int64_t packed_row_bytes(int64_t cols) {
  return (cols + 7) / 8 * 4;
}

}  // namespace fptq
