// Pictures as SVG: curves over an axis, and bars. Light background, colours that colour-blind readers can
// tell apart, labelled axes; everything that a picture says stands in it as text or in its <title>.
#pragma once

#include <string>
#include <vector>

namespace fptq::report {

struct ChartPoint {
  double x = 0, y = 0;
  double low = 0, high = 0;  // a bar of this range is drawn where they differ
};

struct ChartSeries {
  std::string name;
  std::vector<ChartPoint> points;  // joined in this order
};

struct LineChart {
  std::string title, x_label, y_label;
  std::vector<ChartSeries> series;
  std::vector<double> x_marks;  // places on the axis to point out
};

// The x axis is logarithmic; all x are positive and all values finite. Without any point, the picture says
// so.
std::string svg(const LineChart& chart);

struct BarChart {
  struct Bar {
    std::string label;
    double value = 0;  // not negative
  };
  std::string title, x_label;
  std::vector<Bar> bars;  // from the top
};

std::string svg(const BarChart& chart);

}  // namespace fptq::report
