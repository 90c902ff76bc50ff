// What every chart needs: text that is safe in XML, coordinates, and round numbers for axes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fptq::report {

// `text` as content or attribute of XML and HTML: printable(), with & < > " ' as entities.
std::string escaped(std::string_view text);
// The same for text of several lines, which stay lines.
std::string escaped_lines(std::string_view text);

// A coordinate with a tenth of a pixel.
std::string px(double v);

// "0.05", "2", "1,000", "1e+30"
std::string tick_text(double v);

// Round numbers from at or below `low` to at or above `high`, about `parts` of them. Starts at 0 unless all
// values are so close together that their differences could not be seen then.
std::vector<double> linear_ticks(double low, double high, int parts = 6);

// 1, 2 and 5 times the powers of ten in [low, high], which are positive.
std::vector<double> logarithmic_ticks(double low, double high);

}  // namespace fptq::report
