#include "base/json.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "expect_error.h"

namespace fptq {
namespace {

void refused(std::string_view text, std::vector<std::string> words, const JsonLimits& limits = {}) {
  SCOPED_TRACE(text.substr(0, 80));
  words.push_back("f.json");
  expect_error(ErrorKind::kBadModel, words, [&] { parse_json(text, "f.json", limits); });
}

TEST(ParseJson, KeepsTheOrderOfKeysAndTheKindsOfNumbers) {
  const Json json =
      parse_json(R"({"z":1,"a":[true,null,"é\n",-2,0.5,18446744073709551615],"m":{"k":{}}})", "f.json");
  EXPECT_EQ(json.dump(), R"({"z":1,"a":[true,null,"é\n",-2,0.5,18446744073709551615],"m":{"k":{}}})");
  EXPECT_TRUE(json["a"][5].is_number_unsigned());
  EXPECT_EQ(parse_json(" 7 ", "f.json"), 7);
}

TEST(ParseJson, RefusesWhatIsNoJson) {
  for (const char* text :
       {"", "{", "{}x", "{},", "[1,]", "{'a':1}", "NaN", "Infinity", "01", "1.", "+1", "{\"a\":1 /*c*/}",
        "\"\\ud800\"", "\"a\nb\"", "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "1e999"}) {
    refused(text, {"not valid JSON at byte"});
  }
}

TEST(ParseJson, SeesWhatFollowsAZeroByte) {
  refused(std::string_view("{}\0{", 4), {"byte 3", "zero byte"});
  refused(std::string_view("{}\0", 3), {"zero byte"});
  EXPECT_EQ(parse_json(R"("\u0000")", "f.json").get<std::string>(), std::string(1, '\0'));
}

TEST(ParseJson, RefusesDuplicateKeysAtAnyDepth) {
  refused(R"({"a":1,"a":1})", {"duplicate key \"a\""});
  refused(R"([{"b":{"a":1,"c":2,"a":3}}])", {"duplicate key \"a\""});
  refused(R"({"a":1,"\u0061":2})", {"duplicate key \"a\""});
  EXPECT_NO_THROW(parse_json(R"({"a":{"a":{"a":1}},"b":{"a":1}})", "f.json"));
  refused("{\"k\\n\\u001b[2J\":1,\"k\\n\\u001b[2J\":1}", {"\\n\\u001b"});
}

TEST(ParseJson, BoundsDepthAndSize) {
  const auto nested = [](size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_NO_THROW(parse_json(nested(128), "f.json"));
  refused(nested(129), {"deeper than 128"});
  refused(nested(100'000), {"deeper than 128"});
  refused("[1,2]", {"5 bytes", "at most 4"}, {.max_bytes = 4});
}

TEST(ParseJson, KeepsMessagesShort) {
  try {
    parse_json("[" + std::string(1'000'000, '1') + "e999999]", "f.json");
    FAIL() << "a number beyond double was accepted";
  } catch (const Error& e) {
    EXPECT_LT(std::string(e.what()).size(), 400u);
  }
}

TEST(JsonMembers, AreTyped) {
  const Json j = parse_json(
      R"({"i":-3,"u":9223372036854775807,"big":9223372036854775808,"f":0.5,"whole":2.0,"b":true,"s":"t","n":null})",
      "f.json");
  EXPECT_EQ(json_int(j, "i", "f"), -3);
  EXPECT_EQ(json_int(j, "u", "f"), INT64_MAX);
  EXPECT_EQ(json_number(j, "f", "f"), 0.5);
  EXPECT_EQ(json_number(j, "i", "f"), -3.0);
  EXPECT_TRUE(json_bool(j, "b", "f", false));
  EXPECT_EQ(json_string(j, "s", "f"), "t");
  // Absent and null mean the fallback; the wrong type never does.
  EXPECT_EQ(json_int(j, "n", "f", 7), 7);
  EXPECT_EQ(json_int(j, "absent", "f", 7), 7);
  EXPECT_EQ(json_number(j, "absent", "f", 7.5), 7.5);
  EXPECT_EQ(json_string(j, "n", "f", "x"), "x");
  EXPECT_EQ(json_find(j, "n"), nullptr);
  EXPECT_EQ(json_find(Json::array(), "n"), nullptr);
  const auto wrong = [](std::vector<std::string> words, const std::function<void()>& get) {
    expect_error(ErrorKind::kBadModel, words, get);
  };
  wrong({"f:whole", "expected an integer, found 2.0"}, [&] { json_int(j, "whole", "f"); });
  wrong({"f:big", "below 2^63"}, [&] { json_int(j, "big", "f"); });
  wrong({"f:s", "expected an integer, found \"t\""}, [&] { json_int(j, "s", "f", 7); });
  wrong({"f:absent", "expected an integer, found nothing"}, [&] { json_int(j, "absent", "f"); });
  wrong({"f:s", "expected a number"}, [&] { json_number(j, "s", "f"); });
  wrong({"f:i", "expected true or false, found -3"}, [&] { json_bool(j, "i", "f", true); });
  wrong({"f:b", "expected a string, found true"}, [&] { json_string(j, "b", "f"); });
}

}  // namespace
}  // namespace fptq
