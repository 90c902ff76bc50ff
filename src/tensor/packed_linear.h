// A linear layer in the layout of one instruction set's integer kernel: what a backend keeps instead of
// LinearWeights, and what can be written to a file and mapped again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "tensor/linear_weights.h"

namespace fptq {

// Everything but `image` says how the image is to be read. Does not own it; whoever made the span says how
// long it lives. The image is 64-byte aligned.
struct PackedLinear {
  int64_t rows = 0;
  int64_t cols = 0;
  WeightSpec spec;                 // not dense
  DType scale_type = DType::kF32;  // F32, F16 or BF16
  bool bias = false;
  ActivationSpec activation;  // not kFloat
  std::span<const std::byte> image;
};

// By the name of the module: "model.layers.0.self_attn.q_proj".
using PackedLinears = std::map<std::string, PackedLinear>;

}  // namespace fptq
