#include "tokenizer/json_parts.h"

#include <fmt/format.h>

#include "fptq/error.h"
#include "tokenizer/utf8.h"

namespace fptq {

void for_each_part(const Json* part, const char* list_key, const std::string& where,
                   const std::function<void(const std::string&, const Json&, const std::string&)>& read) {
  if (part == nullptr) return;
  if (!part->is_object()) throw Error(ErrorKind::kBadModel, where, "expected an object or null");
  const std::string type = json_string(*part, "type", where);
  if (type != "Sequence") return read(type, *part, where);
  const Json* list = json_find(*part, list_key);
  if (list == nullptr || !list->is_array()) {
    throw Error(ErrorKind::kBadModel, where + ":" + list_key, "expected an array");
  }
  for (size_t i = 0; i < list->size(); ++i) {
    for_each_part(&(*list)[i], list_key, fmt::format("{}.{}[{}]", where, list_key, i), read);
  }
}

void refuse_part(const std::string& type, const std::string& where, const char* known) {
  throw Error(ErrorKind::kBadModel, where, fmt::format("type \"{}\" is not supported", type),
              fmt::format("supported: {}", known));
}

Regex read_pattern(const Json& part, const std::string& where) {
  const Json* pattern = json_find(part, "pattern");
  const std::string place = where + ":pattern";
  if (pattern == nullptr || !pattern->is_object() || pattern->size() != 1) {
    throw Error(ErrorKind::kBadModel, place, "expected {\"String\": ...} or {\"Regex\": ...}");
  }
  if (pattern->contains("Regex")) return Regex(json_string(*pattern, "Regex", place), place);
  return Regex::literal(json_string(*pattern, "String", place), place);
}

char32_t read_character(const Json& part, const char* key, const std::string& where) {
  const std::string s = json_string(part, key, where);
  size_t pos = 0;
  if (!s.empty()) {
    const char32_t c = next_code_point(s, pos);
    if (pos == s.size()) return c;
  }
  throw Error(ErrorKind::kBadModel, where + ":" + key,
              fmt::format("expected one character, found \"{}\"", s));
}

}  // namespace fptq
