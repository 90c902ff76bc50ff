// Numbers and words for people. Nothing here depends on the locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fptq::report {

std::string bytes(uint64_t count);                   // "269.1 MB", powers of 1000
std::string duration(double seconds);                // "0.4 s", "2 min 05 s", "3 h 07 min"
std::string grouped(int64_t count);                  // "16,384"
std::string times(int64_t count, const char* noun);  // "1 file", "2 files"
std::string fixed(double value, int digits);         // "29.218"; "-" when it is not finite
std::string percent(double share, int digits = 1);   // 0.589 -> "58.9 %"
std::string signed_percent(double change);           // 0.611 -> "+61.1 %"

// `text` fit for one line of a terminal: control characters come out as \xNN and bytes that are not UTF-8 as
// U+FFFD. Names in model files are not ours.
std::string printable(std::string_view text);
// `text` as a field of comma-separated values (RFC 4180): quoted where it could be misread.
std::string csv_field(const std::string& text);
// Columns that printable text takes: one for each code point, none for combining marks.
int64_t display_width(std::string_view printable_text);

}  // namespace fptq::report
