// Recipes as YAML (include/fptq/recipe.h).
#pragma once

#include <string>
#include <string_view>

#include "fptq/recipe.h"

namespace fptq {

// `where` names the file. Throws Error(kBadModel, "where:line:key").
Recipe parse_recipe(std::string_view text, const std::string& where);

}  // namespace fptq
