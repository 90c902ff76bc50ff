#include "report/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "report/svg_parts.h"

namespace fptq::report {
namespace {

// Okabe and Ito's palette, without its yellow, which is hard to see on white.
constexpr std::array kColors = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#000000"};
constexpr const char* kInk = "#222222";
constexpr const char* kGrid = "#dddddd";

constexpr double kWidth = 760, kHeight = 440;

std::string text_at(double x, double y, const char* anchor, const std::string& text, const char* more = "") {
  return fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\"{}>{}</text>\n", px(x), px(y), anchor, more,
                     escaped(text));
}

std::string line_between(double x1, double y1, double x2, double y2, const char* color,
                         const char* more = "") {
  return fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\"{}/>\n", px(x1), px(y1),
                     px(x2), px(y2), color, more);
}

std::string page(double height, const std::string& title, const std::string& body) {
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
             "font-family=\"sans-serif\" font-size=\"13\" fill=\"{}\">\n"
             "<title>{}</title>\n"
             "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
             kWidth, height, kInk, escaped(title)) +
         text_at(kWidth / 2, 26, "middle", title, " font-size=\"16\" font-weight=\"bold\"") + body +
         "</svg>\n";
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void add(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  bool empty() const { return low > high; }
};

// The plot area of curves and what maps values into it.
class Plot {
 public:
  static constexpr double kLeft = 80, kTop = 48, kRight = 740, kBottom = 340;

  Plot(Range x, const std::vector<double>& y_ticks) : x_(x), low_(y_ticks.front()), high_(y_ticks.back()) {
    if (x_.low == x_.high) {  // a single place: in the middle
      x_.low /= 2;
      x_.high *= 2;
    }
  }
  double x(double v) const {
    const double share = std::log(v / x_.low) / std::log(x_.high / x_.low);
    return kLeft + 12 + share * (kRight - kLeft - 24);
  }
  double y(double v) const { return kBottom - (v - low_) / (high_ - low_) * (kBottom - kTop); }
  Range x_range() const { return x_; }

 private:
  Range x_;
  double low_, high_;
};

std::string axes(const LineChart& chart, const Plot& plot, const std::vector<double>& y_ticks) {
  std::string out;
  for (const double v : y_ticks) {
    out += line_between(Plot::kLeft, plot.y(v), Plot::kRight, plot.y(v), kGrid);
    out += text_at(Plot::kLeft - 8, plot.y(v) + 4, "end", tick_text(v));
  }
  for (const double v : logarithmic_ticks(plot.x_range().low, plot.x_range().high)) {
    out += line_between(plot.x(v), Plot::kBottom, plot.x(v), Plot::kBottom + 5, kInk);
    out += text_at(plot.x(v), Plot::kBottom + 20, "middle", tick_text(v));
  }
  out += line_between(Plot::kLeft, Plot::kBottom, Plot::kRight, Plot::kBottom, kInk);
  out += text_at((Plot::kLeft + Plot::kRight) / 2, Plot::kBottom + 42, "middle", chart.x_label);
  const double middle = (Plot::kTop + Plot::kBottom) / 2;
  out += text_at(20, middle, "middle", chart.y_label,
                 fmt::format(" transform=\"rotate(-90 20 {})\"", px(middle)).c_str());
  for (const double v : chart.x_marks) {
    if (v < plot.x_range().low || v > plot.x_range().high) continue;
    out += line_between(plot.x(v), Plot::kTop, plot.x(v), Plot::kBottom, "#888888",
                        " stroke-dasharray=\"4 4\" class=\"mark\"");
    out += text_at(plot.x(v) + 4, Plot::kTop + 10, "start", tick_text(v), " fill=\"#666666\"");
  }
  return out;
}

std::string curve(const ChartSeries& series, const Plot& plot, const char* color) {
  std::string path, marks;
  for (const ChartPoint& p : series.points) {
    const double x = plot.x(p.x);
    path += fmt::format("{}{},{}", path.empty() ? "" : " ", px(x), px(plot.y(p.y)));
    if (p.low < p.high) {
      marks +=
          line_between(x, plot.y(p.low), x, plot.y(p.high), color, " stroke-width=\"2\" class=\"range\"");
    }
    marks += fmt::format(
        "<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{}\"><title>{}: {}, {:.5g}</title></circle>\n", px(x),
        px(plot.y(p.y)), color, escaped(series.name), tick_text(p.x), p.y);
  }
  return fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", path,
                     color) +
         marks;
}

}  // namespace

std::string svg(const LineChart& chart) {
  Range x, y;
  for (const ChartSeries& series : chart.series) {
    for (const ChartPoint& p : series.points) {
      x.add(p.x);
      for (const double v : {p.y, p.low, p.high}) y.add(v);
    }
  }
  if (x.empty()) {
    return page(kHeight, chart.title, text_at(kWidth / 2, kHeight / 2, "middle", "no results"));
  }
  const std::vector<double> y_ticks = linear_ticks(y.low, y.high);
  const Plot plot(x, y_ticks);
  std::string body = axes(chart, plot, y_ticks);
  double legend = Plot::kBottom + 64;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const char* color = kColors[i % kColors.size()];
    body += curve(chart.series[i], plot, color);
    body += line_between(Plot::kLeft, legend - 4, Plot::kLeft + 24, legend - 4, color, " stroke-width=\"3\"");
    body += text_at(Plot::kLeft + 32, legend, "start", chart.series[i].name);
    legend += 20;
  }
  return page(std::max(kHeight, legend), chart.title, body);
}

std::string svg(const BarChart& chart) {
  constexpr double kLeft = 300, kRight = 680, kTop = 48, kRow = 34, kBar = 20;
  if (chart.bars.empty()) {
    return page(kHeight, chart.title, text_at(kWidth / 2, kHeight / 2, "middle", "no results"));
  }
  double most = 0;
  for (const BarChart::Bar& bar : chart.bars) most = std::max(most, bar.value);
  const std::vector<double> ticks = linear_ticks(0, most > 0 ? most : 1);
  const auto at = [&](double v) { return kLeft + v / ticks.back() * (kRight - kLeft); };
  const double bottom = kTop + kRow * static_cast<double>(chart.bars.size());
  std::string body;
  for (const double v : ticks) {
    body += line_between(at(v), kTop, at(v), bottom, kGrid);
    body += text_at(at(v), bottom + 18, "middle", tick_text(v));
  }
  double top = kTop + (kRow - kBar) / 2;
  for (const BarChart::Bar& bar : chart.bars) {
    body += text_at(kLeft - 8, top + kBar / 2 + 4, "end", bar.label, " font-size=\"11\"");
    body += fmt::format("<rect class=\"bar\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n",
                        px(kLeft), px(top), px(at(bar.value) - kLeft), px(kBar), kColors[0]);
    body += text_at(at(bar.value) + 6, top + kBar / 2 + 4, "start", fmt::format("{:.4f}", bar.value));
    top += kRow;
  }
  body += line_between(kLeft, kTop, kLeft, bottom, kInk);
  body += text_at((kLeft + kRight) / 2, bottom + 42, "middle", chart.x_label);
  return page(bottom + 60, chart.title, body);
}

}  // namespace fptq::report
