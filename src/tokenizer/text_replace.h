// "Replace": a pattern (a string or a regular expression) and what stands in its place; a normalizer and a
// decoder.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "tokenizer/regex.h"

namespace fptq {

// Immutable and thread-safe.
class TextReplace {
 public:
  TextReplace(const Json& part, const std::string& where);

  // Appends `text` with every match replaced by the content, taken literally.
  void append(std::string_view text, std::string& out) const;

 private:
  Regex pattern_;
  std::string literal_;  // not empty: the pattern is this string, found without the regex engine
  std::string content_;
};

}  // namespace fptq
