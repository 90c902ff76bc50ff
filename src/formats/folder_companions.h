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

// fptq_recipe.json asks for an INT8 KV cache.
bool recipe_wants_kv_int8(const std::filesystem::path& folder);

// Warns of code that came with the model and is never run (auto_map, *.py).
std::vector<std::string> custom_code_warnings(const std::filesystem::path& folder, const Json& config);

}  // namespace fptq
