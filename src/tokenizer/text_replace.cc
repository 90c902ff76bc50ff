#include "tokenizer/text_replace.h"

#include "tokenizer/json_parts.h"
#include "tokenizer/young_code_points.h"

namespace fptq {

TextReplace::TextReplace(const Json& part, const std::string& where)
    : pattern_(read_pattern(part, where)), content_(json_string(part, "content", where)) {
  const Json& pattern = part.at("pattern");
  if (pattern.contains("String")) literal_ = pattern.at("String").get<std::string>();
}

void TextReplace::append(std::string_view text, std::string& out) const {
  size_t copied = 0;
  if (!literal_.empty()) {
    for (size_t at; (at = text.find(literal_, copied)) != text.npos; copied = at + literal_.size()) {
      out.append(text, copied, at - copied);
      out += content_;
    }
  } else if (!text.empty()) {
    std::string storage;
    RegexScan scan(pattern_);
    scan.start(with_stand_ins(text, storage));
    for (size_t begin, end; scan.next(begin, end); copied = end) {
      out.append(text, copied, begin - copied);
      out += content_;
    }
  }
  out.append(text, copied);
}

}  // namespace fptq
