#include "formats/scheme_matcher.h"

#include <map>

namespace fptq {
namespace {

bool names_class(const TargetPattern& target, const std::string& class_name) {
  // Every torch module also is a Module.
  return !target.is_regex() && (target.text() == class_name || target.text() == "Module");
}

}  // namespace

SchemeMatcher::SchemeMatcher(const QuantizationConfig& config) {
  // A target that two groups name belongs to the last of them.
  std::map<std::pair<bool, std::string>, const QuantizationScheme*> sorted;
  for (const QuantizationScheme& scheme : config.schemes) {
    for (const std::string& target : scheme.targets) {
      sorted[{target.find("re:") != std::string::npos, target}] = &scheme;
    }
  }
  for (const auto& [key, scheme] : sorted) {
    targets_.push_back({TargetPattern(key.second, scheme->where + ".targets"), scheme});
  }
  for (const std::string& name : config.ignore) ignore_.emplace_back(name, "quantization_config.ignore");
}

const QuantizationScheme* SchemeMatcher::find(const std::string& name, const std::string& class_name) const {
  for (const TargetPattern& pattern : ignore_) {
    if (pattern.matches(name) || names_class(pattern, class_name)) return nullptr;
  }
  for (const Target& target : targets_) {
    if (target.pattern.matches(name)) return target.scheme;
  }
  for (const Target& target : targets_) {
    if (names_class(target.pattern, class_name)) return target.scheme;
  }
  return nullptr;
}

}  // namespace fptq
