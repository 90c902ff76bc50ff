#include "tokenizer/utf8.h"

#include <cstring>

namespace fptq {
namespace {

// Length of the valid code point at `p`, or minus the length (1 to 3) of the maximal part that could have
// begun one: Unicode 15, table 3-7 and "substitution of maximal subparts".
int valid_length(const char* p, const char* end) {
  const auto at = [&](int i) { return static_cast<uint8_t>(p[i]); };
  const auto lead = at(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return -1;
  const int length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  uint8_t low = 0x80, high = 0xBF;  // bounds of the second byte
  if (lead == 0xE0) low = 0xA0;     // overlong
  if (lead == 0xED) high = 0x9F;    // surrogates
  if (lead == 0xF0) low = 0x90;     // overlong
  if (lead == 0xF4) high = 0x8F;    // above U+10FFFF
  for (int i = 1; i < length; ++i) {
    if (p + i == end || at(i) < low || at(i) > high) return -i;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

const char* skip_ascii(const char* p, const char* end) {
  for (; end - p >= 8; p += 8) {
    uint64_t eight;
    std::memcpy(&eight, p, 8);
    if (eight & 0x8080808080808080u) break;
  }
  while (p != end && static_cast<uint8_t>(*p) < 0x80) ++p;
  return p;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  while ((p = skip_ascii(p, end)) != end) {
    const int length = valid_length(p, end);
    if (length < 0) return false;
    p += length;
  }
  return true;
}

std::string utf8_lossy(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    const int length = valid_length(p, end);
    if (length > 0) {
      out.append(p, static_cast<size_t>(length));
      p += length;
    } else {
      append_utf8(out, kReplacementCharacter);
      p -= length;
    }
  }
  return out;
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

size_t count_code_points(std::string_view text) {
  size_t n = 0;
  for (const char c : text) n += (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  return n;
}

}  // namespace fptq
