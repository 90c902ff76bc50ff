// What the config.json files of Llama's relatives have in common.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "model/config.h"

namespace fptq {

// Values that a family's configuration class in transformers takes for keys that are absent (not for null
// ones).
struct JsonDefaults {
  int64_t num_kv_heads = 0;  // 0: as many as attention heads
  int64_t max_position = 0;
  int32_t bos_id = -1;
  int32_t eos_id = -1;
};

// Everything but biases and windows. `where` names the file; throws Error(kBadModel, where:key) on what is
// missing, of another type, or unsupported. Ranges are left to ModelConfig::validate().
ModelConfig read_decoder_json(const Json& config, const std::string& where, const char* family,
                              const JsonDefaults& defaults);

// `rope_theta` with `rope_scaling` (key `rope_type`, or `type` before transformers 4.43), or transformers 5's
// `rope_parameters`.
RopeConfig read_rope_json(const Json& config, const std::string& where, int64_t max_position);

// `sliding_window`: absent gives `fallback`, null gives 0 (none).
int64_t read_sliding_window(const Json& config, const std::string& where, int64_t fallback);

}  // namespace fptq
