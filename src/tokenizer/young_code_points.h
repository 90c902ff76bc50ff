// PCRE2 10.42 knows Unicode 14, the Oniguruma inside tokenizers 0.23 knows Unicode 16. A code point that
// changed class in between is shown to PCRE2 as an older one of the class that Oniguruma sees, of the same
// length, so that offsets stay (U+180E is here too: PCRE2 counts it as a space).
#pragma once

#include <string>
#include <string_view>

namespace fptq {

// Valid UTF-8 `text` with stand-ins: `text` itself when it needs none, otherwise a copy in `storage`.
std::string_view with_stand_ins(std::string_view text, std::string& storage);

}  // namespace fptq
