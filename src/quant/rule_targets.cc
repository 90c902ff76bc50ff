#include "quant/rule_targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "fptq/error.h"
#include "fptq/suggest.h"
#include "tokenizer/target_pattern.h"

namespace fptq {
namespace {

constexpr std::string_view kEveryLinear = "Linear";

// "mlp.down_proj" of "model.layers.3.mlp.down_proj".
std::string without_layer(const std::string& module) {
  const size_t digit = module.find_first_of("0123456789");
  return digit == std::string::npos ? module : module.substr(module.find('.', digit) + 1);
}

// The ways to name modules that are likely to be meant: whole names, and their ends.
std::vector<std::string> known_names(const ModuleNames& names) {
  std::vector<std::string> known;
  for (const std::vector<std::string>& list : {names.linears, names.others}) {
    for (const std::string& module : list) {
      const std::string end = without_layer(module);
      for (const std::string& name : {end.substr(end.rfind('.') + 1), end, module}) {
        if (std::ranges::find(known, name) == known.end()) known.push_back(name);
      }
    }
  }
  known.emplace_back(kEveryLinear);
  return known;
}

[[noreturn]] void refuse(const RecipeRule& rule, const std::string& target, const ModuleNames& names) {
  std::string fix;
  if (!target.starts_with("re:") && target.find('*') != std::string::npos) {
    fix = "expressions are regular ones and begin with re:, such as re:.*down_proj$";
  } else if (const std::string meant = closest(target, known_names(names)); !meant.empty()) {
    fix = fmt::format("did you mean \"{}\"?", meant);
  } else {
    std::vector<std::string> kinds;
    for (const std::string& module : names.linears) {
      const std::string end = without_layer(module);
      if (std::ranges::find(kinds, end) == kinds.end()) kinds.push_back(end);
    }
    std::string list;
    for (const std::string& kind : kinds) list += (list.empty() ? "" : ", ") + kind;
    fix = fmt::format(
        "its layers are {} to {}, in each block: {}; besides them there are lm_head and "
        "model.embed_tokens",
        names.linears.front(), names.linears.back(), list);
  }
  throw Error(ErrorKind::kUsage, (rule.where.empty() ? "recipe" : rule.where) + ":targets",
              fmt::format("\"{}\" is no layer of the model", target), fix);
}

Specificity precision(const TargetPattern& target, const std::string& module, bool is_linear) {
  if (target.is_regex()) return target.matches(module) ? Specificity::kPattern : Specificity::kNone;
  if (target.text() == module) return Specificity::kName;
  if (module.ends_with("." + target.text())) return Specificity::kPattern;
  return is_linear && target.text() == kEveryLinear ? Specificity::kClass : Specificity::kNone;
}

}  // namespace

RuleTargets resolve_targets(const RecipeRule& rule, const ModuleNames& names) {
  RuleTargets result;
  result.linears.resize(names.linears.size());
  result.others.resize(names.others.size());
  for (const std::string& text : rule.targets) {
    const TargetPattern target(text, (rule.where.empty() ? "recipe" : rule.where) + ":targets");
    bool found = false;
    const auto match = [&](const std::vector<std::string>& modules, bool are_linear,
                           std::vector<Specificity>& out) {
      for (size_t i = 0; i < modules.size(); ++i) {
        const Specificity p = precision(target, modules[i], are_linear);
        found |= p != Specificity::kNone;
        out[i] = std::max(out[i], p);
      }
    };
    match(names.linears, true, result.linears);
    match(names.others, false, result.others);
    if (!found) refuse(rule, text, names);
  }
  return result;
}

}  // namespace fptq
