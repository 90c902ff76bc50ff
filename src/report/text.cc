#include "report/text.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "report/utf8.h"

namespace fptq::report {

std::string bytes(uint64_t count) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (count < 1000) return fmt::format("{} B", count);
  double value = static_cast<double>(count);
  size_t unit = 0;
  // 999.95 would print as 1000.0
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "-";
  if (seconds < 99.95) return fmt::format("{:.1f} s", seconds);
  const int64_t whole = std::llround(seconds);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string grouped(int64_t count) {
  const std::string digits = fmt::format("{}", count);
  const size_t sign = count < 0 ? 1 : 0;
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > sign && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string times(int64_t count, const char* noun) {
  const std::string_view word = noun;
  if (count == 1) return fmt::format("1 {}", word);
  if (word.ends_with("ix")) return fmt::format("{} {}ices", grouped(count), word.substr(0, word.size() - 2));
  return fmt::format("{} {}s", grouped(count), word);
}

std::string fixed(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

std::string percent(double share, int digits) {
  return std::isfinite(share) ? fmt::format("{:.{}f} %", 100 * share, digits) : "-";
}

std::string signed_percent(double change) {
  return std::isfinite(change) ? fmt::format("{:+.1f} %", 100 * change) : "-";
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint next = next_code_point(text);
    const bool control = next.value < 0x20 || (next.value >= 0x7f && next.value < 0xa0);
    if (!next.valid) {
      out += "\xef\xbf\xbd";
    } else if (control) {
      out += fmt::format("\\x{:02x}", static_cast<uint32_t>(next.value));
    } else {
      out += text.substr(0, next.length);
    }
    text.remove_prefix(next.length);
  }
  return out;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

int64_t display_width(std::string_view printable_text) {
  int64_t width = 0;
  while (!printable_text.empty()) {
    const CodePoint next = next_code_point(printable_text);
    const bool combining = next.value >= 0x300 && next.value < 0x370;
    width += combining ? 0 : 1;
    printable_text.remove_prefix(next.length);
  }
  return width;
}

}  // namespace fptq::report
