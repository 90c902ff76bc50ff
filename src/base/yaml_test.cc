#include "base/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"

namespace fptq {
namespace {

using Kind = YamlNode::Kind;

TEST(Yaml, KeepsOrderLinesAndQuotes) {
  const YamlNode root = parse_yaml("b: 8\na:\n  - 'x: y'\n  - [1, \"2\"]\nc:\n", "f");
  ASSERT_EQ(root.kind, Kind::kMap);
  ASSERT_EQ(root.members.size(), 3u);
  EXPECT_EQ(root.members[0].first, "b");
  EXPECT_EQ(root.members[0].second.scalar, "8");
  EXPECT_FALSE(root.members[0].second.quoted);
  const YamlNode& list = root.members[1].second;
  ASSERT_EQ(list.items.size(), 2u);
  EXPECT_EQ(list.items[0].scalar, "x: y");
  EXPECT_TRUE(list.items[0].quoted);
  EXPECT_EQ(list.items[0].line, 3);
  EXPECT_EQ(list.items[1].line, 4);
  EXPECT_EQ(list.items[1].items[1].scalar, "2");
  EXPECT_EQ(root.members[2].second.kind, Kind::kNull);
  EXPECT_EQ(root.members[2].second.line, 5);
}

TEST(Yaml, BackslashesOfPatternsSurvive) {
  EXPECT_EQ(parse_yaml(R"(re:.*layers\.0\..*)", "f").scalar, R"(re:.*layers\.0\..*)");
  EXPECT_EQ(parse_yaml(R"('re:.*layers\.0\..*')", "f").scalar, R"(re:.*layers\.0\..*)");
}

TEST(Yaml, EmptyIsNull) {
  for (const char* text : {"", "# nothing\n", "---\n"}) EXPECT_EQ(parse_yaml(text, "f").kind, Kind::kNull);
}

TEST(Yaml, RefusesWhatARecipeDoesNotNeed) {
  const auto refuses = [](const char* text, const std::vector<std::string>& words) {
    expect_error(ErrorKind::kBadModel, words, [&] { parse_yaml(text, "f.yaml"); });
  };
  refuses("a: 1\nb: 2\na: 3\n", {"f.yaml:3", "\"a\" is there twice"});
  refuses("a: &x 1\n", {"f.yaml:1", "anchors"});
  refuses("a: 1\nb: *x\n", {"f.yaml:2"});
  refuses("a: !!str 1\n", {"f.yaml:1", "tags"});
  refuses("a: !!map {}\n", {"tags"});
  refuses("? [a]\n: 1\n", {"f.yaml:1", "name as key"});
  refuses("a: 1\n---\nb: 2\n", {"more than one document"});
  refuses("a: [1\n", {"f.yaml:", "not valid YAML"});
  refuses("a: b: c\n", {"f.yaml:1", "not valid YAML"});
  refuses("\ta: 1\n", {"f.yaml:1"});
}

TEST(Yaml, DepthAndSizeAreBounded) {
  const std::string deep(100'000, '[');
  EXPECT_THROW(parse_yaml(deep, "f"), Error);
  expect_error(ErrorKind::kBadModel, {"at most 10"}, [] { parse_yaml("aaaaaaaaaaa", "f", 10); });
}

TEST(Yaml, TruncationAnywhereIsRefusedOrShorter) {
  const std::string text = "bits: 4\nrules:\n  - targets: [\"re:.*down_proj$\"]\n    bits: 8\n";
  for (size_t n = 0; n < text.size(); ++n) {
    try {
      parse_yaml(std::string_view(text).substr(0, n), "f");
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kBadModel);
    }
  }
}

}  // namespace
}  // namespace fptq
