// Classes and case of code points, as the Rust code of Hugging Face's tokenizers sees them. Classes come from
// utf8proc (Unicode 15); where the answer of tokenizers 0.23 comes from a later Unicode, the few code points
// that differ are listed in unicode_classes.cc (found by asking it about every code point).
#pragma once

#include <string>

namespace fptq {

// The White_Space property.
bool is_white_space(char32_t c);
// General category N (decimal digits, letter numbers, fractions and the like).
bool is_numeric(char32_t c);
// ASCII punctuation or general category P. tokenizers asks a Unicode 8 table here; younger signs differ.
bool is_punctuation(char32_t c);
// General category M. tokenizers asks a Unicode 9 table here; younger marks differ.
bool is_mark(char32_t c);
// Appends the full lower-case mapping of `c`, without regard to context.
void append_lower(std::string& out, char32_t c);

}  // namespace fptq
