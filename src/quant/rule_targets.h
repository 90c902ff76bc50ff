// Which modules of a model a rule's targets mean.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fptq/recipe.h"

namespace fptq {

// How precisely a target names a module; more precise ones win.
enum class Specificity : uint8_t {
  kNone,     // not at all
  kClass,    // "Linear"
  kPattern,  // by an expression or the end of its name
  kName,     // by its whole name
};

// The modules that rules can name: linear layers of blocks, and what is outside of them.
struct ModuleNames {
  std::vector<std::string> linears;
  std::vector<std::string> others;  // of no class; "lm_head"
};

struct RuleTargets {
  std::vector<Specificity> linears;  // the most precise that any target has, by the index of the name
  std::vector<Specificity> others;
};

// Throws Error naming rule and target: kUsage for one that means no module, kBadModel for a regular
// expression that is not valid.
RuleTargets resolve_targets(const RecipeRule& rule, const ModuleNames& names);

}  // namespace fptq
