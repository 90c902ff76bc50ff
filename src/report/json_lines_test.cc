#include "fptq/json_lines.h"

#include <gtest/gtest.h>

#include "fptq/error.h"

namespace fptq {
namespace {

using Ids = std::vector<int32_t>;

TEST(JsonLines, StringsAndIdsGoBothWays) {
  EXPECT_EQ(text_from_json(R"("a\n\u00e9")", "line 1"), "a\n\xc3\xa9");
  EXPECT_EQ(ids_from_json("[0, 5, 2147483647]", "line 1"), (Ids{0, 5, 2147483647}));
  EXPECT_EQ(ids_from_json("[]", "line 1"), Ids{});
  EXPECT_EQ(ids_to_json({1, 2}), "[1,2]");
  EXPECT_EQ(text_to_json("a\n\""), R"("a\n\"")");
}

TEST(JsonLines, BytesThatAreNotUtf8DoNotStopTheOutput) {
  EXPECT_EQ(text_to_json("a\xff"), "\"a\xef\xbf\xbd\"");
}

TEST(JsonLines, AnythingElseIsRefusedNamingTheLine) {
  for (const char* line : {"", "7", "[1]", "{}", "\"open", R"("\ud800")", "\"\xff\""}) {
    try {
      text_from_json(line, "line 3");
      ADD_FAILURE() << line;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kBadModel);
      EXPECT_EQ(e.where().find("line 3"), 0u) << e.what();
    }
  }
  for (const char* line :
       {"", "7", "\"a\"", "[1.0]", "[-1]", "[2147483648]", "[18446744073709551615]", "[[1]]", "[null]"}) {
    EXPECT_THROW(ids_from_json(line, "line 3"), Error) << line;
  }
}

}  // namespace
}  // namespace fptq
