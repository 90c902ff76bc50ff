// What a Hugging Face directory holds beside its weights.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "formats/checkpoint.h"

namespace fptq {

// `config` is the parsed config.json. Throws Error(kBadModel) when a JSON file among them is malformed.
Companions read_companions(const std::filesystem::path& folder, const Json& config);

// Token ids at which generation_config.json says generation stops; empty when it does not say.
std::vector<int32_t> generation_eos_ids(const Companions& companions, const std::string& where);

// The KV cache that fptq_recipe.json asks for; floats where it says nothing. Throws Error(kBadModel) for a
// name that is none of "float", "f16", "int8" and "fp8".
KvType wanted_kv(const std::filesystem::path& folder);
// As fptq_recipe.json calls it.
const char* recipe_kv_name(KvType type);

// Warns of code that came with the model and is never run (auto_map, *.py).
std::vector<std::string> custom_code_warnings(const std::filesystem::path& folder, const Json& config);

}  // namespace fptq
