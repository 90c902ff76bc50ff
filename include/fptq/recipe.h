// Which layers are quantized how, where one way does not fit all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fptq {

// What holds for the layers that it targets; what is not set is as it was. A target is
//   - the name of a module, "model.layers.3.mlp.down_proj", or its end behind a dot: "mlp.down_proj",
//     "down_proj";
//   - "re:" and a regular expression that matches from the start of the name (as in compressed-tensors);
//   - "Linear", which every linear layer of a block is.
struct RecipeRule {
  std::vector<std::string> targets = {};
  std::optional<std::string> method = {};
  std::optional<int> bits = {};
  std::optional<int64_t> group_size = {};
  std::optional<bool> symmetric = {};
  bool ignore = false;     // the layers stay as they are, whatever other rules say
  std::string where = {};  // "recipe.yaml:7", for messages; empty for a rule that is in no file
};

struct Recipe {
  RecipeRule defaults;            // of the whole model; without targets
  std::vector<RecipeRule> rules;  // later ones win
};

// Reads a YAML file:
//   method: fptq            # defaults, each of them optional
//   bits: 4
//   group_size: 64
//   symmetric: true
//   ignore: [lm_head, "re:.*layers\\.0\\..*"]
//   rules:
//     - targets: [down_proj]
//       bits: 8
// Throws Error naming file, line and key: kIo when it cannot be read, kBadModel for what is not YAML, unknown
// keys and values of another kind. Whether targets and values fit a model is seen when it is quantized.
Recipe read_recipe(const std::string& path);

}  // namespace fptq
