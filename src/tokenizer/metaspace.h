// "Metaspace": SentencePiece's visible space, as a pre-tokenizer and as a decoder.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace fptq {

struct Metaspace {
  enum class Prepend { kFirst, kAlways, kNever };

  char32_t replacement = 0x2581;  // ▁
  Prepend prepend = Prepend::kAlways;
  bool split = true;

  // An old file says add_prefix_space instead of prepend_scheme; where both are given they must agree.
  Metaspace(const Json& part, const std::string& where);

  // Appends `piece` with spaces replaced and the replacement put before it where the scheme says so.
  // `at_start`: the piece begins the user's text.
  void append(std::string_view piece, bool at_start, std::string& out) const;
};

}  // namespace fptq
