// Which layers are quantized how, where one way does not fit all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fptq {

// What holds for the layers that it targets; what is not set is as it was. A target is
//   - the name of a module, "model.layers.3.mlp.down_proj";
//   - the end of names behind a dot, "mlp.down_proj" or "down_proj";
//   - "re:" and a regular expression that matches from the start of a name, as in compressed-tensors;
//   - "Linear", which every linear layer of a block is.
// Where several rules say something about a layer, the more precise target wins, as it does in
// compressed-tensors and llm-compressor: a whole name over ends and expressions, these over "Linear". Among
// equals the later rule wins. A layer that any rule ignores is ignored.
//
// The output head is "lm_head": it must be named to be quantized, and takes bits (8, or 4 with group_size and
// symmetric). "model.embed_tokens" can only be ignored.
struct RecipeRule {
  std::vector<std::string> targets = {};
  std::optional<std::string> method = {};
  std::optional<std::string> scheme = {};  // brings its bits: those of rules before it are forgotten
  std::optional<int> bits = {};
  std::optional<int64_t> group_size = {};
  std::optional<bool> symmetric = {};
  bool ignore = false;     // the layers are not quantized
  std::string where = {};  // "recipe.yaml:7", for messages; empty for a rule that is in no file
};

struct Recipe {
  RecipeRule defaults;            // of the whole model; without targets
  std::vector<RecipeRule> rules;  // in the order of the file
};

// Reads a YAML file:
//   method: fptq            # defaults, each of them optional
//   scheme: w4a8
//   bits: 4
//   group_size: 64
//   symmetric: true
//   ignore: [lm_head, "re:.*layers\\.0\\..*"]
//   rules:
//     - targets: [down_proj]
//       scheme: w8a8
//     - targets: model.layers.29.mlp.up_proj
//       ignore: true
// Throws Error naming file, line and key: kIo when it cannot be read, kBadModel for what is not YAML, unknown
// keys and values of another kind. Whether targets and values fit a model is seen when it is quantized.
Recipe read_recipe(const std::string& path);

}  // namespace fptq
