#include "report/page/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/page/scale.h"
#include "report/page/svg.h"
#include "report/text.h"
#include "report/utf8.h"

namespace fptq::report {
namespace {

constexpr double kCharacter = 6.8;  // mean width of a character of the page's 12 pixel labels
constexpr double kInfinity = std::numeric_limits<double>::infinity();

const char* mark(bool focus) {
  return focus ? "mark focus" : "mark";
}

// `text` in at most `width` pixels.
std::string fitted(const std::string& text, double width) {
  const auto most = static_cast<int64_t>(width / kCharacter);
  const std::string clean = printable(text);
  if (display_width(clean) <= most) return clean;
  std::string out;
  int64_t columns = 0;
  for (size_t at = 0; at < clean.size() && columns + 1 < most;) {
    size_t end = at + 1;
    while (end < clean.size() && (static_cast<unsigned char>(clean[end]) & 0xc0) == 0x80) ++end;
    out += clean.substr(at, end - at);
    at = end;
    ++columns;
  }
  return out + "…";
}

double text_width(const std::string& text) {
  return static_cast<double>(display_width(printable(text))) * kCharacter;
}

struct Limits {
  double low = kInfinity, high = -kInfinity;
  void add(double v) {
    if (!std::isfinite(v)) return;
    low = std::min(low, v);
    high = std::max(high, v);
  }
  void add_positive(double v) {
    if (v > 0) add(v);
  }
  bool empty() const { return low > high; }
};

std::string nothing(const ChartText& text, double width) {
  Svg svg(text, width);
  svg.text(width / 2, 40, "tick middle", "no results");
  return svg.finish(80);
}

// Lines and labels of a logarithmic axis at the left: powers of ten, and 2 and 5 times them in a short range.
void log_grid(Svg& svg, const Scale& y, double low, double high, double left, double right) {
  const bool dense = high / low < 101;
  for (const double v : logarithmic_ticks(low, high)) {
    const double power = std::log10(v);
    const bool whole = std::fabs(power - std::round(power)) < 1e-6;
    if (!whole && !dense) continue;
    svg.line(left, y(v), right, y(v), "grid");
    svg.text(left - 6, y(v) + 4, "tick end", tick_text(v));
  }
}

struct Box {
  double x1, y1, x2, y2;
  bool meets(const Box& o) const { return x1 < o.x2 && o.x1 < x2 && y1 < o.y2 && o.y1 < y2; }
};

// Places labels beside points so that they cover neither each other nor points; one that finds room only
// further off gets a line to its point.
class Labels {
 public:
  Labels(Box area) : area_(area) {}
  void block(double x, double y) { taken_.push_back({x - 6, y - 6, x + 6, y + 6}); }
  void place(Svg& svg, double x, double y, const std::string& text, bool focus) {
    const double w = text_width(text), h = 13;
    struct Try {
      double dx, dy;
      const char* style;
    };
    const std::string strong = focus ? " strong" : "";
    for (const double away : {0.0, 12.0, 24.0, 36.0, 54.0, 72.0, 96.0, 120.0, 150.0}) {
      for (const Try& t :
           {Try{9, 4 + away, "start"}, Try{-9, 4 + away, "end"}, Try{9, 4 - away, "start"},
            Try{-9, 4 - away, "end"}, Try{0, -10 - away, "middle"}, Try{0, 19 + away, "middle"}}) {
        const double at = x + t.dx, base = y + t.dy;
        const double left = t.style[0] == 's' ? at : t.style[0] == 'e' ? at - w : at - w / 2;
        const Box box = {left, base - h + 2, left + w, base + 3};
        const bool inside =
            box.x1 >= area_.x1 && box.x2 <= area_.x2 && box.y1 >= area_.y1 && box.y2 <= area_.y2;
        if (!inside || std::ranges::any_of(taken_, [&](const Box& b) { return b.meets(box); })) continue;
        taken_.push_back(box);
        if (away > 12) svg.line(x, y, at, base < y ? box.y2 : box.y1, "leader");
        svg.text(at, base, ("label " + std::string(t.style) + strong).c_str(), text);
        return;
      }
    }
  }

 private:
  Box area_;
  std::vector<Box> taken_;
};

// Steps of layers that leave room for their numbers.
int64_t layer_step(int64_t layers, double width) {
  for (const int64_t step : {1, 2, 5, 10, 20, 50, 100}) {
    if (static_cast<double>(layers) / static_cast<double>(step) * 26 <= width) return step;
  }
  return 200;
}

}  // namespace

std::string draw(const ScatterChart& chart, double width) {
  Limits x, y;
  for (const auto& p : chart.points) {
    if (!(p.y > 0) || !std::isfinite(p.x)) continue;
    x.add(p.x);
    y.add(p.y);
  }
  if (x.empty() || y.empty()) return nothing(chart.text, width);
  const double left = 58, right = width - 14, top = 26, bottom = 330;
  const std::vector<double> ticks = linear_ticks(x.low, x.high, width < 500 ? 4 : 8);
  const double low = y.low / 1.4, high = y.high * 1.4;
  const Scale at_x = Scale::linear(ticks.front(), ticks.back(), left, right),
              at_y = Scale::logarithmic(low, high, bottom, top);
  Svg svg(chart.text, width);
  log_grid(svg, at_y, low, high, left, right);
  for (const double v : ticks) svg.text(at_x(v), bottom + 18, "tick middle", tick_text(v));
  svg.line(left, bottom, right, bottom, "axis");
  svg.text((left + right) / 2, bottom + 38, "axis-label middle", chart.x_label);
  svg.text(left - 48, 12, "axis-label", chart.y_label);

  std::string front;
  for (const size_t i : chart.front) {
    const auto& p = chart.points[i];
    if (p.y > 0) front += fmt::format("{}{},{}", front.empty() ? "" : " ", px(at_x(p.x)), px(at_y(p.y)));
  }
  if (chart.front.size() > 1) svg.polyline(front, "front");
  Labels labels({left, top - 12, right + 12, bottom - 1});
  for (const auto& p : chart.points) {
    if (p.y > 0) labels.block(at_x(p.x), at_y(p.y));
  }
  // The focus takes its place first.
  for (const bool focus : {true, false}) {
    for (const auto& p : chart.points) {
      if (p.focus != focus || !(p.y > 0)) continue;
      svg.circle(at_x(p.x), at_y(p.y), focus ? 6.5 : 5, mark(focus),
                 fmt::format("{}: {:.4g}, {:.4g}", p.name, p.x, p.y));
      labels.place(svg, at_x(p.x), at_y(p.y), fitted(p.name, width < 500 ? 130 : 220), focus);
    }
  }
  return svg.finish(bottom + 46);
}

std::string draw(const RowChart& chart, double width) {
  if (chart.rows.empty()) return nothing(chart.text, width);
  const bool narrow = width < 500;
  // On a phone names stand above their bars.
  const double left = narrow ? 0 : 190, room = 80, row = narrow ? 38 : 26, bar = 14;
  double most = 0;
  for (const auto& r : chart.rows) most = std::max(most, std::isfinite(r.value) ? r.value : 0);
  const Scale at = Scale::linear(0, most > 0 ? most : 1, 0, width - left - room);
  Svg svg(chart.text, width);
  double y = 2;
  for (const auto& r : chart.rows) {
    const std::string style = std::string("label") + (narrow ? "" : " end") + (r.focus ? " strong" : "");
    svg.text(narrow ? 0 : left - 8, y + (narrow ? 12 : 12), style.c_str(),
             fitted(r.name, narrow ? width : left - 10));
    const double top = narrow ? y + 17 : y + 1;
    svg.rect(left, top, std::max(1.0, at(r.value)), bar, mark(r.focus), r.name + ": " + r.shown);
    svg.text(left + at(r.value) + 6, top + 11.5, r.focus ? "label strong" : "label", r.shown);
    y += row;
  }
  return svg.finish(y);
}

std::string draw(const RidgeChart& chart, double width) {
  if (chart.rows.empty()) return nothing(chart.text, width);
  const bool narrow = width < 500;
  const double left = narrow ? 4 : 190, right = width - 12, row = narrow ? 58 : 40, tall = narrow ? 34 : 32;
  size_t bins = 0;
  double most = 0;
  for (const auto& r : chart.rows) {
    bins = std::max(bins, r.counts.size());
    double sum = 0;
    for (const int64_t n : r.counts) sum += static_cast<double>(n);
    for (const int64_t n : r.counts) most = std::max(most, sum > 0 ? static_cast<double>(n) / sum : 0);
  }
  const double step = (right - left) / static_cast<double>(std::max<size_t>(bins, 1));
  // Bin 0 lies left of the axis' first value.
  const auto at = [&](double v) {
    const double decades = std::log10(std::max(v, chart.lowest) / chart.lowest);
    return std::min(left + step * (1 + decades * chart.per_decade), right);
  };
  Svg svg(chart.text, width);
  const double bottom = 4 + row * static_cast<double>(chart.rows.size());
  for (size_t decade = 0; 1 + decade * static_cast<size_t>(chart.per_decade) <= bins; ++decade) {
    const double v = chart.lowest * std::pow(10.0, static_cast<double>(decade));
    svg.line(at(v), 4, at(v), bottom, "grid");
    if (!narrow || decade % 2 == 1) svg.text(at(v), bottom + 16, "tick middle", tick_text(v));
  }
  double y = 4;
  for (const auto& r : chart.rows) {
    const double base = y + row - 4;
    double sum = 0;
    for (const int64_t n : r.counts) sum += static_cast<double>(n);
    for (size_t i = 0; i < r.counts.size(); ++i) {
      const double share = sum > 0 ? static_cast<double>(r.counts[i]) / sum : 0;
      if (share == 0) continue;
      const double from = chart.lowest * std::pow(10.0, (static_cast<double>(i) - 1) / chart.per_decade);
      const double h = std::max(1.0, tall * share / most);
      svg.rect(left + step * static_cast<double>(i) + 0.5, base - h, step - 1, h, mark(r.focus),
               i == 0 ? fmt::format("{}: {} below {:.3g}", r.name, percent(share), chart.lowest)
                      : fmt::format("{}: {} from {:.3g}", r.name, percent(share), from));
    }
    svg.line(left, base, right, base, "axis");
    if (r.mean > 0) svg.line(at(r.mean), base - tall - 2, at(r.mean), base, r.focus ? "mean focus" : "mean");
    const std::string style = std::string("label") + (narrow ? "" : " end") + (r.focus ? " strong" : "");
    svg.text(narrow ? left : left - 10, narrow ? y + 13 : base - 8, style.c_str(),
             fitted(r.name, narrow ? width - 20 : left - 14));
    y += row;
  }
  svg.text((left + right) / 2, bottom + 34, "axis-label middle", chart.x_label);
  return svg.finish(bottom + 42);
}

std::string draw(const HeatChart& chart, double width) {
  size_t layers = 0;
  for (const auto& row : chart.values) layers = std::max(layers, row.size());
  if (layers == 0) return nothing(chart.text, width);
  const double left = 74, cell = (width - left - 2) / static_cast<double>(layers), tall = 18;
  const double range = chart.strongest - chart.weakest;
  Svg svg(chart.text, width);
  double y = 2;
  for (size_t r = 0; r < chart.rows.size(); ++r) {
    svg.text(left - 6, y + 13, "tick end", fitted(chart.rows[r], left - 4));
    for (size_t c = 0; c < chart.values[r].size(); ++c) {
      const double v = chart.values[r][c];
      if (!std::isfinite(v)) continue;
      const double share = range == 0 ? 0 : std::clamp((v - chart.weakest) / range, 0.0, 1.0);
      svg.rect(left + cell * static_cast<double>(c), y, std::max(cell - 1, 0.5), tall - 1, "cell",
               fmt::format("layer {} {}: {:.4g}", c, chart.rows[r], v),
               fmt::format(" fill-opacity=\"{:.2f}\"", 0.06 + 0.94 * share));
    }
    y += tall;
  }
  const auto count = static_cast<int64_t>(layers);
  for (int64_t l = 0; l < count; l += layer_step(count, width - left))
    svg.text(left + cell * (static_cast<double>(l) + 0.5), y + 14, "tick middle", fmt::format("{}", l));
  svg.text(left - 6, y + 14, "tick end", "layer");
  // The legend: from an empty cell to a full one.
  const double legend = y + 26, first = left + 62;
  svg.text(first - 6, legend + 9, "tick end", chart.weakest_text);
  for (int i = 0; i < 5; ++i)
    svg.rect(first + 22.0 * i, legend, 21, 9, "cell", {},
             fmt::format(" fill-opacity=\"{:.2f}\"", 0.06 + 0.235 * i));
  svg.text(first + 116, legend + 9, "tick", chart.strongest_text);
  return svg.finish(legend + 14);
}

std::string draw(const LayerChart& chart, double width) {
  Limits y;
  size_t layers = 0;
  for (const auto& s : chart.series) {
    layers = std::max(layers, s.values.size());
    for (const double v : s.values) y.add(v);
  }
  if (y.empty()) return nothing(chart.text, width);
  const bool narrow = width < 500;
  const double left = 44, right = width - (narrow ? 96 : 170), top = 28, bottom = 260;
  const std::vector<double> ticks = linear_ticks(y.low, y.high, 5);
  const Scale at_x = Scale::linear(0, static_cast<double>(std::max<size_t>(layers, 2) - 1), left, right),
              at_y = Scale::linear(ticks.front(), ticks.back(), bottom, top);
  Svg svg(chart.text, width);
  for (const double v : ticks) {
    svg.line(left, at_y(v), right, at_y(v), "grid");
    svg.text(left - 6, at_y(v) + 4, "tick end", tick_text(v));
  }
  const auto count = static_cast<int64_t>(layers);
  for (int64_t l = 0; l < count; l += layer_step(count, right - left))
    svg.text(at_x(static_cast<double>(l)), bottom + 18, "tick middle", fmt::format("{}", l));
  svg.text((left + right) / 2, bottom + 36, "axis-label middle", "layer");
  svg.text(left - 38, 12, "axis-label", chart.y_label);

  struct End {
    double y;
    const LayerChart::Series* series;
  };
  std::vector<End> ends;
  for (const bool focus : {false, true}) {  // the focus lies on top
    for (const auto& s : chart.series) {
      if (s.focus != focus) continue;
      std::string points;
      double last = 0;
      for (size_t l = 0; l < s.values.size(); ++l) {
        if (!std::isfinite(s.values[l])) continue;
        last = at_y(s.values[l]);
        points +=
            fmt::format("{}{},{}", points.empty() ? "" : " ", px(at_x(static_cast<double>(l))), px(last));
      }
      if (points.empty()) continue;
      svg.polyline(points, focus ? "curve focus" : "curve", s.name);
      ends.push_back({last, &s});
    }
  }
  // Names at the ends, moved apart downwards, and back up where they would leave the picture.
  std::ranges::stable_sort(ends, {}, &End::y);
  for (size_t i = 1; i < ends.size(); ++i) ends[i].y = std::max(ends[i].y, ends[i - 1].y + 14);
  if (!ends.empty() && ends.back().y > bottom + 30) ends.back().y = bottom + 30;
  for (size_t i = ends.size(); i-- > 1;) ends[i - 1].y = std::min(ends[i - 1].y, ends[i].y - 14);
  for (const End& e : ends) {
    svg.text(right + 8, e.y + 4, e.series->focus ? "label strong" : "label",
             fitted(e.series->name, width - right - 8));
  }
  return svg.finish(bottom + 44);
}

std::string draw(const SpanChart& chart, double width) {
  Limits y;
  for (const auto* spans : {&chart.before, &chart.after}) {
    for (const auto& s : *spans) {
      y.add_positive(s.low);
      y.add_positive(s.high);
    }
  }
  if (y.empty()) return nothing(chart.text, width);
  const double left = 44, right = width - 4, top = 46, bottom = 192;
  const double low = decade_below(y.low), high = std::max(decade_above(y.high), 10 * low);
  const auto layers = static_cast<double>(std::max(chart.before.size(), chart.after.size()));
  const double step = (right - left) / layers, bar = std::clamp(step * 0.36, 1.0, 5.0);
  const Scale at = Scale::logarithmic(low, high, bottom, top);
  Svg svg(chart.text, width);
  svg.text(0, 12, "label strong", chart.heading);
  svg.text(0, 27, "axis-label", "largest |x| of a channel");
  log_grid(svg, at, low, high, left, right);
  const auto spans = [&](const std::vector<SpanChart::Span>& of, double shift, const char* style,
                         const char* name) {
    for (size_t l = 0; l < of.size(); ++l) {
      if (!(of[l].low > 0) || !(of[l].high > 0)) continue;
      const double x = left + step * (static_cast<double>(l) + 0.5) + shift;
      svg.rect(x - bar / 2, at(of[l].high), bar, std::max(1.0, at(of[l].low) - at(of[l].high)), style,
               fmt::format("layer {} {}: median {:.3g}, largest {:.4g}", l, name, of[l].low, of[l].high));
    }
  };
  spans(chart.before, -bar / 2 - 0.3, "before", "before");
  spans(chart.after, bar / 2 + 0.3, "after", "after");
  const auto count = static_cast<int64_t>(layers);
  for (int64_t l = 0; l < count; l += layer_step(count, right - left))
    svg.text(left + step * (static_cast<double>(l) + 0.5), bottom + 16, "tick middle", fmt::format("{}", l));
  svg.text(left - 6, bottom + 16, "tick end", "layer");
  return svg.finish(bottom + 24);
}

std::string draw(const ProfileChart& chart, double width) {
  Limits y;
  for (const auto* values : {&chart.before, &chart.after}) {
    for (const double v : *values) y.add_positive(v);
  }
  if (y.empty()) return nothing(chart.text, width);
  const double left = 44, right = width - 4, top = 46, bottom = 182;
  const double low = decade_below(y.low), high = std::max(decade_above(y.high), 10 * low);
  const Scale at = Scale::logarithmic(low, high, bottom, top);
  const double step = (right - left) / static_cast<double>(std::max<size_t>(chart.before.size(), 1));
  Svg svg(chart.text, width);
  svg.text(0, 12, "label strong", fitted(chart.heading, width));
  svg.text(0, 27, "axis-label", "largest |x| of a channel");
  log_grid(svg, at, low, high, left, right);
  for (size_t i = 0; i < chart.before.size(); ++i) {
    const double v = std::max(chart.before[i], low);
    svg.rect(left + step * static_cast<double>(i), at(v), step + 0.2, bottom - at(v), "before");
  }
  std::string points;
  for (size_t i = 0; i < chart.after.size(); ++i) {
    const double v = std::max(chart.after[i], low), x = left + step * static_cast<double>(i);
    points +=
        fmt::format("{}{},{} {},{}", points.empty() ? "" : " ", px(x), px(at(v)), px(x + step), px(at(v)));
  }
  svg.polyline(points, "curve focus", "after equalization");
  svg.line(left, bottom, right, bottom, "axis");
  svg.text((left + right) / 2, bottom + 16, "tick middle", "channels");
  return svg.finish(bottom + 22);
}

}  // namespace fptq::report
