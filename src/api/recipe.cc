#include "fptq/recipe.h"

#include "api/engine.h"
#include "quant/recipe_file.h"

namespace fptq {

Recipe read_recipe(const std::string& path) {
  return parse_recipe(read_text(path), path);
}

}  // namespace fptq
