#include "tasks/python_text.h"

#include <algorithm>
#include <array>

namespace fptq {
namespace {

constexpr std::string_view kAsciiSpaces = " \t\n\v\f\r\x1c\x1d\x1e\x1f";
// The others of Python's str.isspace(), in UTF-8.
constexpr std::array<std::string_view, 19> kWideSpaces = {
    "\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
    "\u2007", "\u2008", "\u2009", "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"};

size_t leading_space(std::string_view text) {
  if (text.empty()) return 0;
  if (kAsciiSpaces.find(text.front()) != std::string_view::npos) return 1;
  const auto found =
      std::ranges::find_if(kWideSpaces, [&](std::string_view space) { return text.starts_with(space); });
  return found == kWideSpaces.end() ? 0 : found->size();
}

size_t trailing_space(std::string_view text) {
  if (text.empty()) return 0;
  if (kAsciiSpaces.find(text.back()) != std::string_view::npos) return 1;
  const auto found =
      std::ranges::find_if(kWideSpaces, [&](std::string_view space) { return text.ends_with(space); });
  return found == kWideSpaces.end() ? 0 : found->size();
}

}  // namespace

std::string_view python_rstrip(std::string_view text) {
  while (const size_t n = trailing_space(text)) text.remove_suffix(n);
  return text;
}

std::string_view python_strip(std::string_view text) {
  while (const size_t n = leading_space(text)) text.remove_prefix(n);
  return python_rstrip(text);
}

std::string python_capitalize(std::string_view text) {
  std::string out(text);
  for (size_t i = 0; i < out.size(); ++i) {
    char& c = out[i];
    if (i == 0 && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (i > 0 && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string python_replace(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  size_t at = 0;
  for (size_t found = text.find(from); found != std::string_view::npos; found = text.find(from, at)) {
    out.append(text.substr(at, found - at)).append(to);
    at = found + from.size();
  }
  return out.append(text.substr(at));
}

int64_t python_length(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

}  // namespace fptq
