// The target language of compressed-tensors: a module's name, a class name, or "re:" and a Python regular
// expression that must match at the start of the name.
#pragma once

#include <optional>
#include <string>

#include "tokenizer/regex.h"

namespace fptq {

class TargetPattern {
 public:
  // Throws Error(kBadModel, where) when the regular expression is not valid.
  TargetPattern(std::string target, const std::string& where);

  const std::string& text() const { return target_; }
  bool is_regex() const { return regex_.has_value(); }
  // By name. Throws Error(kFailure) when the expression takes unreasonably many steps.
  bool matches(const std::string& name) const;

 private:
  std::string target_;
  std::optional<Regex> regex_;
};

}  // namespace fptq
