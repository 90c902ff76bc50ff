// Regular expressions in tokenizer.json are written for Oniguruma. This rewrites one for PCRE2.
#pragma once

#include <string>
#include <string_view>

namespace fptq {

// The PCRE2 pattern (for UTF | UCP | MULTILINE, newline = LF) that matches what `pattern` matches in
// Oniguruma's own syntax with Unicode classes: \w, \b, \h, nested classes, (?m), {,n}, \uHHHH are rewritten.
// What cannot be said in PCRE2 (class intersections, a negated class inside a class, \W inside a class,
// {n,m}+) throws Error(kBadModel, where).
std::string pcre2_pattern(std::string_view pattern, const std::string& where);

}  // namespace fptq
