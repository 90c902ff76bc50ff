// `quantization_config` of a compressed-tensors checkpoint, typed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "formats/quantization_args.h"

namespace fptq {

struct QuantizationScheme {
  std::string where;  // "config.json:quantization_config.config_groups.group_0"
  std::vector<std::string> targets;
  std::optional<QuantizationArgs> weights;
  std::optional<QuantizationArgs> inputs;
  std::string
      format;  // of this group; empty: inferred from the scheme. The top-level format is not consulted
};

struct QuantizationConfig {
  std::vector<QuantizationScheme> schemes;  // in the order of the file
  std::vector<std::string> ignore;
};

// `where` names the object ("config.json:quantization_config"). Presets ("W4A16": ["Linear"]) are spelled
// out. Throws Error(kBadModel) on what the library refuses, on weights that are not in their compressed form
// (quantization_status), and on features that this engine does not execute (quantized caches or outputs,
// sparsity, transforms).
QuantizationConfig parse_quantization_config(const Json& config, const std::string& where);

}  // namespace fptq
