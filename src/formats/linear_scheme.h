// A compressed-tensors scheme as this engine executes it.
#pragma once

#include <string>

#include "formats/quantization_config.h"
#include "tensor/linear_weights.h"

namespace fptq {

enum class CodeStorage : uint8_t {
  kPacked,  // pack-quantized: `weight_packed` I32, `weight_shape`, packed zero points
  kPlain,   // int-quantized, float-quantized and naive-quantized: `weight` I8 or F8, zero points I8
};

struct LinearScheme {
  CodeStorage storage = CodeStorage::kPacked;
  WeightSpec weights;
  ActivationSpec activation;  // static scale and zero point are in the checkpoint's tensors
};

// The format of the group when it has one, else inferred as compressed-tensors infers it. Throws
// Error(kBadModel) naming the scheme's field for everything that would have to be approximated: other bit
// widths, other float types, blocks, inputs quantized per group or dynamically per tensor.
LinearScheme resolve_scheme(const QuantizationScheme& scheme);

}  // namespace fptq
