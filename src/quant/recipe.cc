#include "quant/recipe.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <string_view>

#include "fptq/error.h"
#include "model/layout.h"
#include "quant/settings.h"
#include "tokenizer/regex.h"

namespace fptq {
namespace {

constexpr std::string_view kRegexPrefix = "re:";
constexpr std::string_view kEveryLayer = "Linear";

std::string where_of(const RecipeRule& rule) {
  return (rule.where.empty() ? "recipe" : rule.where) + (rule.ignore ? ":ignore" : ":targets");
}

class Target {
 public:
  Target(const std::string& text, const std::string& where) : text_(text) {
    if (text.starts_with(kRegexPrefix))
      regex_.emplace(std::string_view(text).substr(kRegexPrefix.size()), where);
  }

  bool matches(const std::string& module) const {
    if (regex_) {
      RegexScan scan(*regex_);
      scan.start(module);
      size_t begin = 0, end = 0;
      return scan.next(begin, end) && begin == 0;
    }
    return text_ == module || module.ends_with("." + text_);
  }
  bool matches_block_layer(const std::string& module) const {
    return text_ == kEveryLayer || matches(module);
  }

 private:
  std::string text_;
  std::optional<Regex> regex_;
};

void apply(const RecipeRule& rule, LayerSettings& settings) {
  if (rule.ignore) settings.ignored = true;
  if (rule.method) settings.method = *rule.method;
  if (rule.bits) settings.bits = *rule.bits;
  if (rule.group_size) settings.group_size = *rule.group_size;
  if (rule.symmetric) settings.symmetric = *rule.symmetric;
}

void check_head(const RecipeRule& rule, const QuantizeOptions& options) {
  if (!rule.ignore) {
    throw Error(ErrorKind::kUsage, where_of(rule), "lm_head is no layer of a block",
                "the head's form is an option of its own, --head");
  }
  if (options.head == "keep") return;
  throw Error(ErrorKind::kUsage, where_of(rule),
              fmt::format("lm_head is ignored, but --head asks for {}", options.head));
}

void check(const LayerSettings& settings, const QuantizeOptions& options, const std::string& module,
           const RecipeRule& rule) {
  QuantizeOptions layer = options;
  layer.method = settings.method;
  layer.weight_bits = settings.bits;
  layer.group_size = settings.group_size;
  layer.symmetric = settings.symmetric;
  try {
    check_options(layer);
  } catch (const Error& e) {
    throw Error(e.kind(), rule.where.empty() ? "recipe" : rule.where,
                fmt::format("{}: {}", module, e.what()));
  }
}

}  // namespace

LayerRecipe::LayerRecipe(const QuantizeOptions& options, const ModelConfig& config) {
  const LayerSettings defaults = {false, options.method, options.weight_bits, options.group_size,
                                  options.symmetric};
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    for (const LinearId id : kAllLinears) settings_.emplace(module_name(layer, id), defaults);
  }
  std::map<std::string, const RecipeRule*> last;  // the rule that changed a layer last
  for (const RecipeRule& rule : options.rules) {
    for (const std::string& module : targeted(rule, options)) {
      apply(rule, settings_.at(module));
      last[module] = &rule;
    }
  }
  for (const auto& [module, rule] : last) {
    if (!settings_.at(module).ignored) check(settings_.at(module), options, module, *rule);
  }
}

std::set<std::string> LayerRecipe::targeted(const RecipeRule& rule, const QuantizeOptions& options) const {
  std::set<std::string> modules;
  for (const std::string& text : rule.targets) {
    const Target target(text, where_of(rule));
    bool found = text == kHeadModule || (rule.ignore && target.matches(kHeadModule));
    if (found) check_head(rule, options);
    for (const auto& [module, settings] : settings_) {
      if (!target.matches_block_layer(module)) continue;
      found = true;
      modules.insert(module);
    }
    if (found) continue;
    throw Error(ErrorKind::kUsage, where_of(rule), fmt::format("\"{}\" is no layer of the model", text),
                "layers are named like model.layers.0.mlp.down_proj");
  }
  return modules;
}

const LayerSettings& LayerRecipe::settings_for(const std::string& module) const {
  const auto found = settings_.find(module);
  if (found == settings_.end())
    throw Error(ErrorKind::kFailure, module, "is no linear layer of a block (an internal error)");
  return found->second;
}

}  // namespace fptq
