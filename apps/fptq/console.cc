#include "console.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "fptq/error.h"

namespace fptq::app {

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void flush_results() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  throw Error(ErrorKind::kIo, "standard output", std::strerror(errno));
}

void log(std::string_view line) {
  const std::string text = one_line(line) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void log_block(std::string_view lines) {
  std::fwrite(lines.data(), 1, lines.size(), stderr);
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Error(ErrorKind::kIo, path, "cannot be written");
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace fptq::app
