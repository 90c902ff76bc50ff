// Reading the parts of a tokenizer.json: a part is an object with a "type", or a Sequence of such.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "base/json.h"
#include "tokenizer/regex.h"

namespace fptq {

// Calls `read(type, part, where)` for `part` or, when it is a Sequence, for each in its array `list_key`, in
// order, at any depth. A null part has none. Throws Error(kBadModel) when "type" is missing.
void for_each_part(
    const Json* part, const char* list_key, const std::string& where,
    const std::function<void(const std::string& type, const Json& part, const std::string& where)>& read);

// Throws Error(kBadModel, where): this kind of part is not supported; `known` lists those that are.
[[noreturn]] void refuse_part(const std::string& type, const std::string& where, const char* known);

// {"String": s} or {"Regex": r} under the key "pattern".
Regex read_pattern(const Json& part, const std::string& where);

// A string of exactly one code point.
char32_t read_character(const Json& part, const char* key, const std::string& where);

}  // namespace fptq
