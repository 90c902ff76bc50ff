// UTF-8, one code point at a time. Text inside the tokenizer is always valid: valid_utf8_or_replaced() sees
// to it at the door, so everything behind it decodes without checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fptq {

constexpr char32_t kReplacementCharacter = 0xFFFD;

bool is_valid_utf8(std::string_view text);

// `text` with each maximal invalid part replaced by U+FFFD, as Python's errors="replace" and Rust's
// from_utf8_lossy do it.
std::string utf8_lossy(std::string_view text);

// `text` itself when it is valid, otherwise utf8_lossy(text) kept in `storage`.
inline std::string_view valid_utf8_or_replaced(std::string_view text, std::string& storage) {
  if (is_valid_utf8(text)) return text;
  storage = utf8_lossy(text);
  return storage;
}

// Bytes of the code point that starts with `lead`. Valid text only.
inline size_t utf8_length(char lead) {
  const auto b = static_cast<uint8_t>(lead);
  return b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
}

// The code point at `pos`, which moves behind it. Valid text only.
inline char32_t next_code_point(std::string_view text, size_t& pos) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[pos + i]); };
  const char32_t lead = byte(0);
  if (lead < 0x80) return ++pos, lead;
  char32_t c;
  if (lead < 0xE0) {
    c = (lead & 0x1F) << 6 | (byte(1) & 0x3F);
    pos += 2;
  } else if (lead < 0xF0) {
    c = (lead & 0x0F) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    pos += 3;
  } else {
    c = (lead & 0x07) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu);
    pos += 4;
  }
  return c;
}

// Start of the code point that ends before `pos` (pos > 0). Valid text only.
inline size_t previous_code_point(std::string_view text, size_t pos) {
  do {
    --pos;
  } while (pos > 0 && (static_cast<uint8_t>(text[pos]) & 0xC0) == 0x80);
  return pos;
}

void append_utf8(std::string& out, char32_t c);
size_t count_code_points(std::string_view text);

}  // namespace fptq
