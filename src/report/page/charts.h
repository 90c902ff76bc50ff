// The charts of the HTML page. Colours are classes of page.css, so that one picture serves light, dark and
// paper; `width` is in CSS pixels, at which the picture's text has the size of the page's. Each has a <title>
// and a <desc>; names in them are escaped. Values that are not finite are left out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fptq::report {

// What a screen reader says of a chart; ids must be unique on the page.
struct ChartText {
  std::string id, title, description;
};

// Names beside points, size against loss. y is logarithmic.
struct ScatterChart {
  struct Point {
    std::string name;
    double x = 0, y = 0;  // y above 0
    bool focus = false;
  };
  ChartText text;
  std::string x_label, y_label;
  std::vector<Point> points;
  std::vector<size_t> front;  // points that no other beats, joined in this order
};
std::string draw(const ScatterChart& chart, double width);

// A bar for each row, its value behind it.
struct RowChart {
  struct Row {
    std::string name;
    double value = 0;  // not negative
    std::string shown;
    bool focus = false;
  };
  ChartText text;
  std::vector<Row> rows;
};
std::string draw(const RowChart& chart, double width);

// A histogram for each row over one logarithmic axis.
struct RidgeChart {
  struct Row {
    std::string name;
    std::vector<int64_t> counts;  // bin 0 is below `lowest`
    double mean = 0;              // marked
    bool focus = false;
  };
  ChartText text;
  std::string x_label;
  double lowest = 0;
  int per_decade = 1;
  std::vector<Row> rows;
};
std::string draw(const RidgeChart& chart, double width);

// A cell for each layer and kind of matrix, stronger for worse.
struct HeatChart {
  ChartText text;
  std::vector<std::string> rows;
  std::vector<std::vector<double>> values;  // by row, then layer; NaN: none
  double weakest = 0, strongest = 1;        // values of an empty and a full cell; either may be the larger
  std::string weakest_text, strongest_text;
};
std::string draw(const HeatChart& chart, double width);

// Curves over the layers, named at their ends.
struct LayerChart {
  struct Series {
    std::string name;
    std::vector<double> values;  // by layer; NaN: none
    bool focus = false;
  };
  ChartText text;
  std::string y_label;
  std::vector<Series> series;
};
std::string draw(const LayerChart& chart, double width);

// From the median to the largest channel maximum of each layer, before and after. y is logarithmic.
struct SpanChart {
  struct Span {
    double low = 0, high = 0;
  };
  ChartText text;
  std::string heading;
  std::vector<Span> before, after;  // by layer
};
std::string draw(const SpanChart& chart, double width);

// Channel maxima along the channels, before and after. y is logarithmic.
struct ProfileChart {
  ChartText text;
  std::string heading;
  std::vector<double> before, after;
};
std::string draw(const ProfileChart& chart, double width);

}  // namespace fptq::report
