#include "io/printable.h"

#include <fmt/format.h>

namespace fptq {

std::string printable(std::string_view name) {
  constexpr size_t kLongest = 100;
  std::string out;
  unsigned char previous = 0;
  for (const char c : name.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    // U+0080 to U+009F, in UTF-8 C2 80 to C2 9F, are control characters, too.
    const bool control = byte < 0x20 || byte == 0x7f || (previous == 0xc2 && byte < 0xa0);
    if (control) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
    previous = byte;
  }
  if (name.size() > kLongest) out += "...";
  return out;
}

std::string where_in(const std::string& file, std::string_view name) {
  return file + ":" + printable(name);
}

}  // namespace fptq
