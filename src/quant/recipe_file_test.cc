#include "quant/recipe_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"

namespace fptq {
namespace {

using testing::ElementsAre;

TEST(RecipeFile, ReadsDefaultsRulesAndWhatIsIgnored) {
  const Recipe recipe = parse_recipe(
      "# W4A8, but for the first block and down_proj\n"
      "method: rtn\n"
      "scheme: w8a8\n"
      "group_size: 64\n"
      "ignore: [lm_head, \"re:.*layers\\\\.0\\\\..*\"]\n"
      "rules:\n"
      "  - targets: [down_proj, mlp.up_proj]\n"
      "    bits: 8\n"
      "    group_size: -1\n"
      "  - targets: Linear\n"
      "    scheme: w4a16\n"
      "    symmetric: false\n"
      "  - {targets: [v_proj], ignore: true}\n",
      "r.yaml");
  EXPECT_EQ(recipe.defaults.method, "rtn");
  EXPECT_EQ(recipe.defaults.group_size, 64);
  EXPECT_FALSE(recipe.defaults.bits.has_value());
  EXPECT_FALSE(recipe.defaults.symmetric.has_value());
  EXPECT_EQ(recipe.defaults.scheme, "w8a8");
  ASSERT_EQ(recipe.rules.size(), 4u);
  EXPECT_THAT(recipe.rules[0].targets, ElementsAre("down_proj", "mlp.up_proj"));
  EXPECT_EQ(recipe.rules[0].bits, 8);
  EXPECT_EQ(recipe.rules[0].group_size, -1);
  EXPECT_EQ(recipe.rules[0].where, "r.yaml:7");
  EXPECT_FALSE(recipe.rules[0].ignore);
  EXPECT_THAT(recipe.rules[1].targets, ElementsAre("Linear"));
  EXPECT_EQ(recipe.rules[1].symmetric, false);
  EXPECT_EQ(recipe.rules[1].scheme, "w4a16");
  EXPECT_TRUE(recipe.rules[2].ignore);
  EXPECT_THAT(recipe.rules[2].targets, ElementsAre("v_proj"));
  EXPECT_TRUE(recipe.rules[3].ignore);
  EXPECT_THAT(recipe.rules[3].targets, ElementsAre("lm_head", "re:.*layers\\.0\\..*"));
  EXPECT_EQ(recipe.rules[3].where, "r.yaml:5");
}

TEST(RecipeFile, MistakesNameFileLineAndKey) {
  const auto refuses = [](const char* text, const std::vector<std::string>& words) {
    expect_error(ErrorKind::kBadModel, words, [&] { parse_recipe(text, "r.yaml"); });
  };
  refuses("", {"r.yaml", "expected a recipe"});
  refuses("- a\n", {"r.yaml:1", "expected a recipe"});
  refuses("bits: 4\nbitz: 4\n", {"r.yaml:2:bitz", "unknown key", "group_size", "did you mean bits?"});
  refuses("bits: four\n", {"r.yaml:1:bits", "whole number from 1 to 16", "'four'"});
  refuses("bits: 4.0\n", {"r.yaml:1:bits"});
  refuses("bits: \"4\"\n", {"r.yaml:1:bits"});
  refuses("bits: 17\n", {"r.yaml:1:bits"});
  refuses("group_size: 65537\n", {"r.yaml:1:group_size"});
  refuses("symmetric: yes\n", {"r.yaml:1:symmetric", "true or false", "'yes'"});
  refuses("symmetric:\n", {"r.yaml:1:symmetric"});
  refuses("method: [a]\n", {"r.yaml:1:method"});
  refuses("ignore: []\n", {"r.yaml:1:ignore", "empty"});
  refuses("rules: 3\n", {"r.yaml:1:rules"});
  refuses("rules:\n  - down_proj\n", {"r.yaml:2", "expected a rule"});
  refuses("rules:\n  - bits: 8\n", {"r.yaml:2:targets", "is missing"});
  refuses("rules:\n  - targets: down_proj\n", {"r.yaml:2:targets", "given nothing"});
  refuses("rules:\n  - targets: a\n    bits: 8\n    bits: 4\n", {"r.yaml:4", "twice"});
  refuses("rules:\n  - targets: a\n    ignore: b\n", {"r.yaml:3:ignore", "true or false"});
  refuses("rules:\n  - targets: a\n    ignore: false\n", {"r.yaml:2:targets", "given nothing"});
  refuses("rules:\n  - targets: a\n    ignore: true\n    bits: 8\n",
          {"r.yaml:2:targets", "one or the other"});
  refuses("rules:\n  - target: a\n    bits: 8\n", {"r.yaml:2:target", "did you mean targets?"});
  refuses("rules:\n  - targets: [a, {b: c}]\n    bits: 8\n", {"r.yaml:2:targets"});
}

}  // namespace
}  // namespace fptq
