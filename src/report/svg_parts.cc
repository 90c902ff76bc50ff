#include "report/svg_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/text.h"

namespace fptq::report {
namespace {

// A step of 1, 2 or 5 times a power of ten that divides `range` into at most `parts`.
double nice_step(double range, int parts) {
  const double rough = range / parts, power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string escaped_lines(std::string_view text) {
  std::string out;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (begin > 0) out += '\n';
    out += escaped(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

std::string px(double v) {
  return fmt::format("{:.1f}", v);
}

std::string tick_text(double v) {
  return v >= 1000 && v < 1e9 && v == std::floor(v) ? grouped(static_cast<int64_t>(v))
                                                    : fmt::format("{:.6g}", v);
}

std::vector<double> linear_ticks(double low, double high, int parts) {
  if (low >= 0 && low < 0.5 * high) low = 0;
  if (high <= low) {
    const double room = high == 0 ? 1 : 0.1 * std::fabs(high);
    low -= room;
    high += room;
  }
  const double step = nice_step(high - low, parts);
  const auto first = std::llround(std::floor(low / step + 1e-9));
  std::vector<double> ticks;
  for (int64_t i = first;; ++i) {
    ticks.push_back(static_cast<double>(i) * step);
    if (ticks.back() >= high - 1e-9 * step) return ticks;
  }
}

std::vector<double> logarithmic_ticks(double low, double high) {
  std::vector<double> ticks;
  for (int power = static_cast<int>(std::floor(std::log10(low))); power <= std::log10(high); ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double v = factor * std::pow(10.0, power);
      if (v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9)) ticks.push_back(v);
    }
  }
  return ticks;
}

}  // namespace fptq::report
