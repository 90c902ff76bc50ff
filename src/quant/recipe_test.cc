#include "quant/recipe.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "model/layout.h"
#include "synthetic_source.h"

namespace fptq {
namespace {

QuantizeOptions with_rules(std::vector<RecipeRule> rules) {
  QuantizeOptions options;
  options.method = "fptq";
  options.group_size = 64;
  options.rules = std::move(rules);
  return options;
}

LayerRecipe resolve(std::vector<RecipeRule> rules) {
  return LayerRecipe(with_rules(std::move(rules)), SyntheticSource::small_config());  // three blocks
}

int count(const LayerRecipe& recipe, bool (*holds)(const LayerSettings&)) {
  int n = 0;
  for (int64_t layer = 0; layer < 3; ++layer) {
    for (const LinearId id : kAllLinears) n += holds(recipe.settings_for(module_name(layer, id)));
  }
  return n;
}

TEST(LayerRecipe, WithoutRulesTheOptionsHold) {
  const LayerRecipe recipe = resolve({});
  const LayerSettings expected{false, "fptq", 4, 64, true};
  EXPECT_EQ(recipe.settings_for("model.layers.2.mlp.down_proj"), expected);
  EXPECT_EQ(count(recipe, [](const LayerSettings& s) { return s.bits == 4; }), 21);
}

// Which layers a target means: what compressed-tensors 0.19's match_name() and a class "Linear" mean there,
// and ends of names besides.
TEST(LayerRecipe, TargetsAreNamesTheirEndsPatternsAndTheClass) {
  const auto hits = [](const char* target) {
    return count(resolve({{.targets = {target}, .bits = 8}}),
                 [](const LayerSettings& s) { return s.bits == 8; });
  };
  EXPECT_EQ(hits("model.layers.1.self_attn.q_proj"), 1);
  EXPECT_EQ(hits("self_attn.q_proj"), 3);
  EXPECT_EQ(hits("q_proj"), 3);
  EXPECT_EQ(hits("Linear"), 21);
  EXPECT_EQ(hits("re:.*layers\\.(0|2)\\..*"), 14);
  EXPECT_EQ(hits("re:model"), 21) << "a pattern need not reach the end";
  EXPECT_EQ(hits("re:.*(q|k|v)_proj$"), 9);
}

TEST(LayerRecipe, LaterRulesWinAndIgnoringAlwaysDoes) {
  const LayerRecipe recipe = resolve({{.targets = {"down_proj"}, .ignore = true},
                                      {.targets = {"Linear"}, .bits = 8, .group_size = 32},
                                      {.targets = {"re:.*layers\\.0.*"}, .method = "rtn", .bits = 4},
                                      {.targets = {"v_proj"}, .symmetric = false}});
  EXPECT_EQ(recipe.settings_for("model.layers.0.self_attn.v_proj"),
            (LayerSettings{false, "rtn", 4, 32, false}));
  EXPECT_EQ(recipe.settings_for("model.layers.1.self_attn.v_proj"),
            (LayerSettings{false, "fptq", 8, 32, false}));
  EXPECT_EQ(recipe.settings_for("model.layers.1.self_attn.q_proj"),
            (LayerSettings{false, "fptq", 8, 32, true}));
  EXPECT_TRUE(recipe.settings_for("model.layers.0.mlp.down_proj").ignored);
  EXPECT_EQ(count(recipe, [](const LayerSettings& s) { return s.ignored; }), 3);
}

TEST(LayerRecipe, SettingsAreCheckedOnceAllRulesAreLaidOver) {
  EXPECT_EQ(resolve({{.targets = {"q_proj"}, .bits = 5}, {.targets = {"Linear"}, .bits = 8}})
                .settings_for("model.layers.0.self_attn.q_proj")
                .bits,
            8);
  EXPECT_TRUE(resolve({{.targets = {"q_proj"}, .bits = 5}, {.targets = {"Linear"}, .ignore = true}})
                  .settings_for("model.layers.0.self_attn.q_proj")
                  .ignored);
}

TEST(LayerRecipe, MistakesNameTheRule) {
  const auto refuses = [](ErrorKind kind, RecipeRule rule, const std::vector<std::string>& words) {
    rule.where = "r.yaml:7";
    expect_error(kind, words, [&] { resolve({rule}); });
  };
  refuses(ErrorKind::kUsage, {.targets = {"q_proj", "qproj"}, .bits = 8},
          {"r.yaml:7:targets", "\"qproj\" is no layer"});
  refuses(ErrorKind::kUsage, {.targets = {"proj"}, .bits = 8}, {"\"proj\" is no layer"});
  refuses(ErrorKind::kUsage, {.targets = {"re:.*layers\\.3.*"}, .bits = 8}, {"r.yaml:7:targets"});
  refuses(ErrorKind::kBadModel, {.targets = {"re:("}, .bits = 8}, {"r.yaml:7:targets"});
  refuses(ErrorKind::kUsage, {.targets = {"q_proj"}, .bits = 5},
          {"r.yaml:7", "model.layers.0.self_attn.q_proj", "is 5"});
  refuses(ErrorKind::kUsage, {.targets = {"q_proj"}, .group_size = 7}, {"r.yaml:7", "is 7"});
  refuses(ErrorKind::kUsage, {.targets = {"q_proj"}, .method = "gtpq"}, {"r.yaml:7", "gtpq"});
  refuses(ErrorKind::kUsage, {.targets = {"lm_head"}, .bits = 8}, {"r.yaml:7:targets", "--head"});
}

TEST(LayerRecipe, TheHeadMayBeIgnoredWhereItStaysAsItIs) {
  QuantizeOptions options = with_rules({{.targets = {"lm_head"}, .ignore = true}});
  EXPECT_NO_THROW(LayerRecipe(options, SyntheticSource::small_config()));
  options.head = "int8";
  expect_error(ErrorKind::kUsage, {"recipe:ignore", "int8"},
               [&] { LayerRecipe(options, SyntheticSource::small_config()); });
}

}  // namespace
}  // namespace fptq
