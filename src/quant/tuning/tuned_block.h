// The numbers of a quantized block that tuning moves: the scales of its groups and the weights of its norms,
// each times a factor. Factors are kept as logarithms: scales stay positive, and one rate suits all sizes.
#pragma once

#include <array>
#include <cstdint>

#include "model/layout.h"
#include "quant/pipeline.h"
#include "tensor/dtype.h"

namespace fptq {

// Where a block's parameters lie in an array of them.
struct BlockParameters {
  // By LinearId: first of [rows, groups]; nothing of layers that are not of integers with scales of groups or
  // rows.
  std::array<int64_t, kAllLinears.size()> scales{};
  std::array<bool, kAllLinears.size()> tuned{};
  int64_t attention_norm = 0;  // first of [hidden_size]
  int64_t mlp_norm = 0;
  int64_t end = 0;
};

// Lays them out from `begin` on.
BlockParameters lay_out_parameters(const QuantizedBlock& block, int64_t begin);

// `block` with its scales and norms times e^logarithms, which are those of all blocks. Scales are of
// `scale_dtype`, norms F32 with values that `norm_dtype` holds. Codes are shared.
QuantizedBlock tuned_block(const QuantizedBlock& block, const BlockParameters& at, const float* logarithms,
                           DType scale_dtype, DType norm_dtype);

}  // namespace fptq
