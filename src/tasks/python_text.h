// Text as Python's str sees it, because lm-evaluation-harness's prompts are made with it. All of it takes
// valid UTF-8; other bytes count as letters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fptq {

// str.strip() and str.rstrip(): Unicode's white space and the separators U+001C to U+001F.
std::string_view python_strip(std::string_view text);
std::string_view python_rstrip(std::string_view text);

// str.capitalize(), of ASCII letters; others stay as they are.
std::string python_capitalize(std::string_view text);

// str.replace().
std::string python_replace(std::string_view text, std::string_view from, std::string_view to);

// len(): code points.
int64_t python_length(std::string_view text);

}  // namespace fptq
