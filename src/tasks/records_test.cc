#include "tasks/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "tasks/python_text.h"
#include "temp_folder.h"

namespace fptq {
namespace {

using testing::ElementsAre;

// Python's csv module reads the same rows.
TEST(Records, CsvWithQuotesCommasAndLineEndsInFields) {
  TempFolder folder;
  const auto rows = read_csv(folder.write("a.csv", "a,\"b, \"\"c\"\"\nd\",\r\n\n\"\",e,f g\nlast,,"));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_THAT(rows[0].value, ElementsAre("a", "b, \"c\"\nd", ""));
  EXPECT_THAT(rows[1].value, ElementsAre("", "e", "f g"));
  EXPECT_THAT(rows[1].where, testing::HasSubstr("a.csv:4"));
  EXPECT_THAT(rows[2].value, ElementsAre("last", "", ""));
}

TEST(Records, CsvThatEndsInAQuoteIsRefused) {
  TempFolder folder;
  expect_error(ErrorKind::kBadModel, {"a.csv:2", "quoted"},
               [&] { read_csv(folder.write("a.csv", "a\n\"b")); });
}

TEST(Records, LinesLoseEitherLineEnd) {
  TempFolder folder;
  const auto lines = read_lines(folder.write("a", "x\r\n\ny"));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].value, "x");
  EXPECT_EQ(lines[1].value, "");
  EXPECT_EQ(lines[2].value, "y");
}

TEST(Records, AnswersAreLettersOrNumbers) {
  EXPECT_EQ(answer_index("C", 4, 0, "w"), 2);
  EXPECT_EQ(answer_index(" 2 ", 4, 1, "w"), 1);
  EXPECT_EQ(answer_index("0", 4, 0, "w"), 0);
  for (const char* bad : {"", "E", "4", "-1", "1.5", "a", "99999999999999999999"})
    expect_error(ErrorKind::kBadModel, {"w", "4 choices"}, [&] { answer_index(bad, 4, 0, "w"); });
  expect_error(ErrorKind::kBadModel, {"w"}, [] { answer_index("0", 2, 1, "w"); });
}

TEST(PythonText, StripsWhatPythonStrips) {
  EXPECT_EQ(python_strip("\u00A0\u3000 a b\x1c\n\u2028"), "a b");
  EXPECT_EQ(python_rstrip("  \u200B"), "  \u200B") << "a zero-width space is none";
  EXPECT_EQ(python_length("naïve “x”"), 9);
  EXPECT_EQ(python_replace("a  b   c", "  ", " "), "a b  c");
  EXPECT_EQ(python_capitalize("hELLO World"), "Hello world");
}

}  // namespace
}  // namespace fptq
