// The byte-level alphabet of GPT-2: every byte has a printable character, so that a vocabulary of strings can
// hold any bytes. 33-126, 161-172 and 174-255 stand for themselves, the other 68 for U+0100 onwards in order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fptq {

char32_t byte_level_char(uint8_t byte);
// The byte that `c` stands for, or -1.
int byte_level_byte(char32_t c);

// Appends the characters that stand for `bytes`.
void append_byte_level(std::string& out, std::string_view bytes);
// Appends the bytes that `chars` (valid UTF-8) stand for; when any of them stands for none, appends `chars`
// unchanged and returns false.
bool append_bytes_of_byte_level(std::string& out, std::string_view chars);

}  // namespace fptq
