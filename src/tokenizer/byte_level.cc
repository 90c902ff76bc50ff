#include "tokenizer/byte_level.h"

#include <array>

#include "tokenizer/utf8.h"

namespace fptq {
namespace {

constexpr bool stands_for_itself(int b) {
  return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
}

constexpr auto kChars = [] {
  std::array<char32_t, 256> chars{};
  char32_t next = 256;
  for (int b = 0; b < 256; ++b)
    chars[static_cast<size_t>(b)] = stands_for_itself(b) ? static_cast<char32_t>(b) : next++;
  return chars;
}();

constexpr auto kBytes = [] {
  std::array<int16_t, 256 + 68> bytes{};
  bytes.fill(-1);
  for (size_t b = 0; b < 256; ++b) bytes[kChars[b]] = static_cast<int16_t>(b);
  return bytes;
}();

}  // namespace

char32_t byte_level_char(uint8_t byte) {
  return kChars[byte];
}

int byte_level_byte(char32_t c) {
  return c < kBytes.size() ? kBytes[c] : -1;
}

void append_byte_level(std::string& out, std::string_view bytes) {
  for (const char b : bytes) append_utf8(out, kChars[static_cast<uint8_t>(b)]);
}

bool append_bytes_of_byte_level(std::string& out, std::string_view chars) {
  const size_t before = out.size();
  for (size_t pos = 0; pos < chars.size();) {
    const int byte = byte_level_byte(next_code_point(chars, pos));
    if (byte < 0) {
      out.resize(before);
      out += chars;
      return false;
    }
    out.push_back(static_cast<char>(byte));
  }
  return true;
}

}  // namespace fptq
