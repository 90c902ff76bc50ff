// One `weights` or `input_activations` object of a compressed-tensors configuration, with the library's own
// rules: defaults, what is inferred, and that an unknown key is an error (CT 0.19 and 0.20,
// docs/formats-verified.md §4).
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
