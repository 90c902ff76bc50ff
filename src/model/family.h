// The table of model families. A family is one file in families/ and one row in family.cc.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "io/gguf.h"
#include "model/config.h"

namespace fptq {

struct Family {
  const char* name;                            // our name, also config.json's model_type
  std::span<const char* const> architectures;  // config.json's `architectures` entries
  const char* gguf_architecture;               // general.architecture
  // Reads config.json (`where` names it). Throws Error(kBadModel, where:key) on what is missing or
  // unsupported.
  ModelConfig (*from_json)(const Json& config, const std::string& where);
  ModelConfig (*from_gguf)(const GgufFile& file);
  // GGUF stores q and k rows in interleaved rotary order, ours (and Hugging Face's) is half-split.
  bool gguf_permutes_qk;
};

std::span<const Family> families();
// By model_type, then architectures; throws Error(kBadModel) with the list of those supported.
const Family& find_family(const Json& config, const std::string& where);
const Family& find_family(const GgufFile& file);

// A config.json for a model that came without one (GGUF), as transformers writes it.
Json to_config_json(const ModelConfig& config);

}  // namespace fptq
