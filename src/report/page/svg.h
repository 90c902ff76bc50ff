// One picture of the page, element by element.
#pragma once

#include <fmt/format.h>

#include <string>

#include "report/page/charts.h"
#include "report/svg_parts.h"

namespace fptq::report {

class Svg {
 public:
  Svg(const ChartText& text, double width) : text_(text), width_(width) {}

  double width() const { return width_; }
  void line(double x1, double y1, double x2, double y2, const char* style) {
    body_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{}\"/>", px(x1), px(y1),
                         px(x2), px(y2), style);
  }
  // `says`, if any, is what the mark is when it is pointed at.
  void rect(double x, double y, double w, double h, const std::string& style, const std::string& says = {},
            const std::string& more = {}) {
    body_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"{}\"{}", px(x), px(y),
                         px(w), px(h), style, more);
    close("rect", says);
  }
  void circle(double x, double y, double r, const std::string& style, const std::string& says) {
    body_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" class=\"{}\"", px(x), px(y), px(r), style);
    close("circle", says);
  }
  // Pairs "x,y" with spaces between them.
  void polyline(const std::string& points, const std::string& style, const std::string& says = {}) {
    body_ += fmt::format("<polyline points=\"{}\" class=\"{}\"", points, style);
    close("polyline", says);
  }
  void text(double x, double y, const char* style, const std::string& words) {
    body_ +=
        fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>", px(x), px(y), style, escaped(words));
  }

  std::string finish(double height) const {
    return fmt::format(
        "<svg role=\"img\" aria-labelledby=\"{0}-t {0}-d\" viewBox=\"0 0 {1} {2}\" width=\"{1}\" "
        "height=\"{2}\"><title id=\"{0}-t\">{3}</title><desc id=\"{0}-d\">{4}</desc>{5}</svg>\n",
        text_.id, px(width_), px(height), escaped(text_.title), escaped(text_.description), body_);
  }

 private:
  void close(const char* name, const std::string& says) {
    body_ += says.empty() ? "/>" : fmt::format("><title>{}</title></{}>", escaped(says), name);
  }

  ChartText text_;
  double width_;
  std::string body_;
};

}  // namespace fptq::report
