#include "report/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "report/table.h"

namespace fptq::report {
namespace {

TEST(Text, BytesKeepOneDigitAndNeverShowAThousand) {
  EXPECT_EQ(bytes(0), "0 B");
  EXPECT_EQ(bytes(999), "999 B");
  EXPECT_EQ(bytes(1000), "1.0 kB");
  EXPECT_EQ(bytes(999'949), "999.9 kB");
  EXPECT_EQ(bytes(999'950), "1.0 MB");
  EXPECT_EQ(bytes(269'060'552), "269.1 MB");
  EXPECT_EQ(bytes(std::numeric_limits<uint64_t>::max()), "18.4 EB");
}

TEST(Text, DurationsChangeUnits) {
  EXPECT_EQ(duration(0.44), "0.4 s");
  EXPECT_EQ(duration(99.96), "1 min 40 s");
  EXPECT_EQ(duration(3599.4), "59 min 59 s");
  EXPECT_EQ(duration(3599.6), "1 h 00 min");
  EXPECT_EQ(duration(std::nan("")), "-");
}

TEST(Text, CountsAreGroupedAndDeclined) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(16384), "16,384");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
  EXPECT_EQ(times(1, "matrix"), "1 matrix");
  EXPECT_EQ(times(2100, "matrix"), "2,100 matrices");
  EXPECT_EQ(times(0, "file"), "0 files");
}

TEST(Text, NumbersThatAreNotFiniteShowADash) {
  EXPECT_EQ(fixed(1.23456, 3), "1.235");
  EXPECT_EQ(fixed(std::numeric_limits<double>::infinity(), 3), "-");
  EXPECT_EQ(percent(0.5892), "58.9 %");
  EXPECT_EQ(signed_percent(0.0042), "+0.4 %");
  EXPECT_EQ(signed_percent(-0.5), "-50.0 %");
  EXPECT_EQ(signed_percent(std::nan("")), "-");
}

TEST(Text, NamesFromFilesCannotSteerTheTerminal) {
  EXPECT_EQ(printable("a\x1b[31mb\n"), "a\\x1b[31mb\\x0a");
  EXPECT_EQ(printable("\xc2\x9b"), "\\x9b");  // CSI as one C1 code point
  EXPECT_EQ(printable("caf\xc3\xa9 \xf0\x9f\x8c\x8d"), "caf\xc3\xa9 \xf0\x9f\x8c\x8d");
}

TEST(Text, BrokenUtf8IsReplacedByteByByte) {
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(printable("\xff"), bad);
  EXPECT_EQ(printable("\xc0\x80"), bad + bad) << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), bad + bad + bad) << "surrogate";
  EXPECT_EQ(printable("\xe2\x82"), bad + bad) << "cut short";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), bad + bad + bad + bad) << "beyond U+10FFFF";
}

TEST(Table, ColumnsAreAsWideAsTheirWidestCellInCodePoints) {
  Table table({{"name"}, {"n", Table::Align::kRight}, {"note"}});
  table.add({"caf\xc3\xa9", "1"});
  table.add({"x", "1000", "last"});
  EXPECT_EQ(table.render(2),
            "  name     n  note\n"
            "  caf\xc3\xa9     1\n"
            "  x     1000  last\n");
}

TEST(Table, WithoutTitlesThereIsNoHeader) {
  Table table({{""}, {""}});
  table.add({"size", "1 B"});
  EXPECT_EQ(table.render(), "size  1 B\n");
}

}  // namespace
}  // namespace fptq::report
