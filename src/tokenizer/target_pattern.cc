#include "tokenizer/target_pattern.h"

#include <string_view>

namespace fptq {

TargetPattern::TargetPattern(std::string target, const std::string& where) : target_(std::move(target)) {
  constexpr std::string_view kPrefix = "re:";
  if (target_.starts_with(kPrefix)) regex_.emplace(std::string_view(target_).substr(kPrefix.size()), where);
}

bool TargetPattern::matches(const std::string& name) const {
  if (!regex_) return target_ == name;
  RegexScan scan(*regex_);
  scan.start(name);
  size_t begin = 0, end = 0;
  // A match at the start is found first, if there is one.
  return scan.next(begin, end) && begin == 0;
}

}  // namespace fptq
