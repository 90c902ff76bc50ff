// From rules over module names to what holds for each layer of a model.
#pragma once

#include <map>
#include <set>
#include <string>

#include "fptq/quantize.h"
#include "model/config.h"

namespace fptq {

struct LayerSettings {
  bool ignored = false;  // stays as it is; the rest says nothing then
  std::string method;
  int bits = 0;
  int64_t group_size = 0;  // as QuantizeOptions has it: -1 is a row
  bool symmetric = true;

  bool operator==(const LayerSettings&) const = default;
};

// Immutable and thread-safe.
class LayerRecipe {
 public:
  // The defaults are those of `options`, its rules are laid over them in their order, and a layer that any
  // rule ignores is ignored. Throws Error naming the rule: kUsage for a target that is no layer of the model,
  // for settings that check_options() refuses, for a rule about lm_head (`options.head` says how that is
  // stored; ignoring it is accepted where it says "keep"); kBadModel for a regular expression that is not
  // valid.
  LayerRecipe(const QuantizeOptions& options, const ModelConfig& config);

  // `module` as module_name() spells it.
  const LayerSettings& settings_for(const std::string& module) const;

 private:
  std::set<std::string> targeted(const RecipeRule& rule, const QuantizeOptions& options) const;

  std::map<std::string, LayerSettings> settings_;
};

}  // namespace fptq
