#include "tokenizer/metaspace.h"

#include "fptq/error.h"
#include "tokenizer/json_parts.h"
#include "tokenizer/utf8.h"

namespace fptq {

Metaspace::Metaspace(const Json& part, const std::string& where)
    : replacement(read_character(part, "replacement", where)), split(json_bool(part, "split", where, true)) {
  const std::string scheme = json_string(part, "prepend_scheme", where, "always");
  if (scheme == "first") {
    prepend = Prepend::kFirst;
  } else if (scheme == "never") {
    prepend = Prepend::kNever;
  } else if (scheme != "always") {
    throw Error(ErrorKind::kBadModel, where + ":prepend_scheme",
                "expected first, always or never, found \"" + scheme + "\"");
  }
  if (!json_bool(part, "add_prefix_space", where, true) && prepend != Prepend::kNever) {
    throw Error(ErrorKind::kBadModel, where + ":add_prefix_space",
                "false contradicts prepend_scheme \"" + scheme + "\"", "say \"prepend_scheme\": \"never\"");
  }
}

void Metaspace::append(std::string_view piece, bool at_start, std::string& out) const {
  std::string mark;
  append_utf8(mark, replacement);
  const bool wanted = prepend == Prepend::kAlways || (prepend == Prepend::kFirst && at_start);
  if (wanted && !piece.starts_with(' ') && !piece.starts_with(mark)) out += mark;
  for (const char c : piece) {
    if (c == ' ') {
      out += mark;
    } else {
      out += c;
    }
  }
}

}  // namespace fptq
