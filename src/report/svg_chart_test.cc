#include "report/svg_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

namespace fptq::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// All values of `attribute` in elements `element`, in the order of the file.
std::vector<double> values(const std::string& picture, const std::string& element,
                           const std::string& attribute) {
  std::vector<double> out;
  const std::regex pattern("<" + element + " [^>]*\\b" + attribute + "=\"([-0-9.]+)\"");
  for (auto it = std::sregex_iterator(picture.begin(), picture.end(), pattern); it != std::sregex_iterator();
       ++it)
    out.push_back(std::stod((*it)[1]));
  return out;
}

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// Elements are closed and angle brackets are balanced.
void expect_well_formed(const std::string& picture) {
  EXPECT_THAT(picture, StartsWith("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 "));
  EXPECT_EQ(count(picture, "<"), count(picture, ">"));
  for (const char* name : {"text", "title", "circle", "svg"}) {
    const std::string open = std::string("<") + name;
    EXPECT_EQ(count(picture, open + " ") + count(picture, open + ">"),
              count(picture, std::string("</") + name + ">"))
        << name;
  }
}

LineChart chart() {
  LineChart c{"How <much>?", "threshold", "KL", {}, {15, 150, 9000}};
  c.series.push_back({"static", {{1, 0.2, 0.2, 0.2}, {10, 0.4, 0.4, 0.4}, {100, 0.1, 0.1, 0.1}}});
  c.series.push_back({"dynamic & more", {{10, 0.3, 0.25, 0.5}, {1000, 0.3, 0.3, 0.3}}});
  return c;
}

TEST(LineChart, HasAMarkForEveryPointInItsPlace) {
  const std::string picture = svg(chart());
  expect_well_formed(picture);
  const std::vector<double> x = values(picture, "circle", "cx"), y = values(picture, "circle", "cy");
  ASSERT_EQ(x.size(), 5u);
  EXPECT_NEAR(x[1] - x[0], x[2] - x[1], 0.2) << "the axis is logarithmic";
  EXPECT_NEAR(x[4] - x[2], x[2] - x[1], 0.2);
  EXPECT_EQ(x[1], x[3]);
  EXPECT_LT(y[1], y[0]) << "more is higher";
  EXPECT_LT(y[0], y[2]);
  EXPECT_EQ(y[3], y[4]);
  for (const double v : x) EXPECT_TRUE(v > 80 && v < 740) << v;
  for (const double v : y) EXPECT_TRUE(v >= 48 && v <= 340) << v;
  EXPECT_EQ(count(picture, "<polyline "), 2);
}

TEST(LineChart, ShowsRangesAndTheMarksWithinTheAxis) {
  const std::string picture = svg(chart());
  EXPECT_EQ(count(picture, "class=\"range\""), 1);
  EXPECT_EQ(count(picture, "class=\"mark\""), 2) << "9000 lies outside";
  EXPECT_THAT(picture, HasSubstr(">15</text>"));
  EXPECT_THAT(picture, HasSubstr(">150</text>"));
}

TEST(LineChart, AxesAndCurvesAreLabelled) {
  const std::string picture = svg(chart());
  for (const char* text : {">How &lt;much&gt;?</title>", ">threshold</text>", ">KL</text>", ">static</text>",
                           ">dynamic &amp; more</text>", ">0.1</text>", ">1,000</text>", ">500</text>"})
    EXPECT_THAT(picture, HasSubstr(text));
  EXPECT_THAT(picture, HasSubstr("fill=\"#ffffff\"")) << "light background";
  EXPECT_THAT(picture, Not(HasSubstr("<much>")));
}

TEST(LineChart, FarFromZeroTheAxisDoesNotStartThere) {
  LineChart c{"t", "x", "y", {{"a", {{1, 0.58, 0.58, 0.58}, {2, 0.6, 0.6, 0.6}}}}, {}};
  const std::string picture = svg(c);
  EXPECT_THAT(picture, HasSubstr(">0.58</text>"));
  EXPECT_THAT(picture, Not(HasSubstr(">0</text>")));
  const std::vector<double> y = values(picture, "circle", "cy");
  EXPECT_GT(y[0] - y[1], 100) << "the difference is seen";
}

TEST(LineChart, OnePointOrNoneIsAPictureToo) {
  LineChart c{"t", "x", "y", {}, {}};
  EXPECT_THAT(svg(c), HasSubstr(">no results</text>"));
  expect_well_formed(svg(c));
  c.series.push_back({"a", {{8, 0, 0, 0}}});
  const std::string picture = svg(c);
  expect_well_formed(picture);
  EXPECT_THAT(picture, Not(HasSubstr("nan")));
  EXPECT_NEAR(values(picture, "circle", "cx")[0], 410, 0.1);
}

TEST(BarChart, BarsAreAsLongAsTheirValues) {
  const std::string picture = svg(BarChart{"t", "KL", {{"a", 0.4}, {"b", 0.1}, {"c", 0}}});
  expect_well_formed(picture);
  EXPECT_EQ(count(picture, "class=\"bar\""), 3);
  const std::vector<double> width = values(picture, "rect", "width");
  ASSERT_EQ(width.size(), 3u);  // the background's is 100%
  EXPECT_NEAR(width[0], 4 * width[1], 0.3);
  EXPECT_THAT(width, ElementsAre(testing::Gt(100), testing::Gt(30), 0));
  for (const char* text : {">a</text>", ">0.4000</text>", ">KL</text>"})
    EXPECT_THAT(picture, HasSubstr(text));
  EXPECT_THAT(svg(BarChart{"t", "KL", {}}), HasSubstr("no results"));
  EXPECT_THAT(svg(BarChart{"t", "KL", {{"a", 0}}}), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace fptq::report
