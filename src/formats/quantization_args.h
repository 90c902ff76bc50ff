// One `weights` or `input_activations` object of a compressed-tensors configuration, with the library's own
// rules: defaults, what is inferred, and that an unknown key is an error (CT 0.19 and 0.20,
// docs/formats-verified.md §4). One key is ours, "float_format": "e5m2" for 8-bit floats that the library
// does not have. It refuses the file for the key; without it, it would take E5M2 for E4M3 and compute
// garbage.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"

namespace fptq {

enum class QuantizationStrategy : uint8_t {
  kTensor,
  kChannel,
  kGroup,
  kBlock,
  kToken,
  kTensorGroup,
  kAttentionHead
};

struct QuantizationArgs {
  int64_t num_bits = 8;
  bool is_float = false;
  bool e5m2 = false;  // float_format "e5m2"; the library's 8-bit floats are E4M3
  bool symmetric = true;
  QuantizationStrategy strategy = QuantizationStrategy::kTensor;
  int64_t group_size = 0;  // 0: none
  bool dynamic = false;
  bool local = false;  // dynamic: "local" (NVFP4)
};

const char* to_string(QuantizationStrategy strategy);

// Throws Error(kBadModel, where:key) for everything that the library itself refuses.
QuantizationArgs parse_quantization_args(const Json& args, const std::string& where);

}  // namespace fptq
