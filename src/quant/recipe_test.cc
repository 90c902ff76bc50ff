#include "quant/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "model/layout.h"
#include "quant/golden_data.h"
#include "quant/settings.h"
#include "synthetic_source.h"

namespace fptq {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

QuantizeOptions with_rules(std::vector<RecipeRule> rules) {
  QuantizeOptions options;
  options.method = "fptq";
  options.group_size = 64;
  options.rules = std::move(rules);
  return options;
}

LayerRecipe resolve_options(const QuantizeOptions& options) {
  return LayerRecipe(options, SyntheticSource::small_config());  // three blocks
}

LayerRecipe resolve(std::vector<RecipeRule> rules) {
  return resolve_options(with_rules(std::move(rules)));
}

TEST(LayerRecipe, WithoutRulesTheOptionsHold) {
  const LayerRecipe recipe = resolve({});
  for (int64_t layer = 0; layer < 3; ++layer) {
    for (const LinearId id : kAllLinears) {
      EXPECT_FALSE(recipe.ignores(layer, id));
      EXPECT_EQ(recipe.options(layer, id).method, "fptq");
      EXPECT_EQ(weight_spec(recipe.options(layer, id), 128), (WeightSpec{4, 64, true}));
    }
  }
  EXPECT_EQ(recipe.head().head, "keep");
}

TEST(LayerRecipe, WhoWinsIsWhatCompressedTensorsSays) {
  const Json data = golden("recipe_targets.json");  // testdata/make_recipe_golden.py
  int checked = 0;
  for (const Json& c : data["cases"]) {
    SCOPED_TRACE(c.dump());
    std::vector<RecipeRule> rules;
    for (size_t i = 0; i < c["groups"].size(); ++i) {
      RecipeRule rule{.targets = c["groups"][i].get<std::vector<std::string>>()};
      rule.group_size = 16 * data["group_bits"][i].get<int64_t>();
      rules.push_back(rule);
    }
    const auto ignored = c["ignore"].get<std::vector<std::string>>();
    if (!ignored.empty()) rules.push_back({.targets = ignored, .ignore = true});
    QuantizeOptions options = with_rules(rules);
    options.group_size = 1024;
    const LayerRecipe recipe = resolve_options(options);
    for (int64_t layer = 0; layer < 3; ++layer) {
      for (const LinearId id : kAllLinears) {
        const int64_t bits = c["bits"][module_name(layer, id)];
        // Not quantized: ignored there, or in no group.
        const bool none = recipe.ignores(layer, id) || wanted_group_size(recipe.options(layer, id)) == 1024;
        EXPECT_EQ(none, bits == 0) << module_name(layer, id);
        if (bits != 0) {
          EXPECT_EQ(wanted_group_size(recipe.options(layer, id)), 16 * bits);
        }
        ++checked;
      }
    }
  }
  EXPECT_EQ(checked, 8 * 21);
}

TEST(LayerRecipe, AmongEqualsTheLaterWinsSettingBySetting) {
  const LayerRecipe recipe = resolve({{.targets = {"Linear"}, .bits = 8, .group_size = 32},
                                      {.targets = {"down_proj"}, .bits = 4},
                                      {.targets = {"re:.*layers\\.0.*"}, .bits = 8},
                                      {.targets = {"Linear"}, .symmetric = false}});
  EXPECT_EQ(weight_spec(recipe.options(0, LinearId::kDown), 128), (WeightSpec{8, 32, false}));
  EXPECT_EQ(weight_spec(recipe.options(1, LinearId::kDown), 128), (WeightSpec{4, 32, false}));
  EXPECT_EQ(weight_spec(recipe.options(1, LinearId::kUp), 128), (WeightSpec{8, 32, false}));
}

TEST(LayerRecipe, ASchemeBringsItsBits) {
  QuantizeOptions options;
  options.weight_bits = 8;
  options.rules = {{.targets = {"down_proj"}, .scheme = "w4a16"},
                   {.targets = {"o_proj"}, .scheme = "w4a16", .bits = 8}};
  const LayerRecipe recipe = resolve_options(options);
  EXPECT_EQ(weight_bits(recipe.options(0, LinearId::kDown)), 4);
  EXPECT_EQ(wanted_group_size(recipe.options(0, LinearId::kDown)), 128);
  EXPECT_EQ(weight_bits(recipe.options(0, LinearId::kO)), 8);
  EXPECT_EQ(wanted_group_size(recipe.options(0, LinearId::kO)), -1);
  EXPECT_EQ(activation_form(recipe.options(0, LinearId::kO)), ActivationForm::kFloat);
}

TEST(LayerRecipe, IgnoringAlwaysWins) {
  const LayerRecipe recipe = resolve(
      {{.targets = {"v_proj"}, .ignore = true}, {.targets = {"model.layers.1.self_attn.v_proj"}, .bits = 8}});
  EXPECT_TRUE(recipe.ignores(1, LinearId::kV));
  EXPECT_THAT(recipe.quantized(1, InputId::kAttention), ElementsAre(LinearId::kQ, LinearId::kK));
  EXPECT_THAT(recipe.quantized(1, InputId::kDown), ElementsAre(LinearId::kDown));
}

TEST(LayerRecipe, OptionsAreCheckedOnceAllRulesAreLaidOver) {
  const LayerRecipe recipe = resolve({{.targets = {"Linear"}, .bits = 5}, {.targets = {"re:.*"}, .bits = 8}});
  EXPECT_EQ(weight_bits(recipe.options(0, LinearId::kQ)), 8);
  EXPECT_NO_THROW(resolve({{.targets = {"q_proj"}, .bits = 5}, {.targets = {"q_proj"}, .ignore = true}}));
}

TEST(LayerRecipe, AnObserverOfTheRunIsNoMistakeOfLayersThatNeedNone) {
  QuantizeOptions options;
  options.scheme = "w8a8-static";
  options.observer = "mse";
  options.rules = {{.targets = {"down_proj"}, .scheme = "w4a16"}};
  EXPECT_NO_THROW(resolve_options(options));
}

TEST(LayerRecipe, MistakesNameTheRule) {
  const auto refuses = [](RecipeRule rule, const std::vector<std::string>& words) {
    rule.where = "r.yaml:7";
    expect_error(ErrorKind::kUsage, words, [&] { resolve({rule}); });
  };
  refuses({.targets = {"qproj"}, .bits = 8}, {"r.yaml:7:targets", "\"qproj\" is no layer"});
  refuses({.targets = {"q_proj"}, .bits = 5}, {"r.yaml:7", "model.layers.0.self_attn.q_proj", "is 5"});
  refuses({.targets = {"q_proj"}, .group_size = 7}, {"r.yaml:7", "is 7"});
  refuses({.targets = {"down_proj"}, .method = "gtpq"}, {"r.yaml:7", "gtpq"});
  refuses({.targets = {"down_proj"}, .scheme = "w4a7"}, {"r.yaml:7", "w4a7"});
  refuses({.targets = {"down_proj"}, .method = "static", .scheme = "w4a16"}, {"r.yaml:7", "static"});
}

TEST(LayerRecipe, LayersThatReadOneInputAgreeAboutIt) {
  const auto refuses = [](RecipeRule rule) {
    rule.where = "r.yaml:7";
    expect_error(ErrorKind::kUsage,
                 {"r.yaml:7", "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.v_proj",
                  "read the same input", "method fptq"},
                 [&] { resolve({rule}); });
  };
  refuses({.targets = {"v_proj"}, .scheme = "w4a16"});
  refuses({.targets = {"v_proj"}, .method = "gptq"});
  // What does not touch the input may differ, as may layers that are not quantized and other inputs.
  EXPECT_NO_THROW(resolve({{.targets = {"v_proj"}, .method = "fptq+gptq", .bits = 8, .symmetric = false}}));
  EXPECT_NO_THROW(resolve({{.targets = {"self_attn.v_proj", "down_proj"}, .scheme = "w8a16"},
                           {.targets = {"q_proj", "k_proj"}, .ignore = true}}));
}

TEST(LayerRecipe, TheHeadTakesBitsWhereItIsNamed) {
  EXPECT_EQ(resolve({{.targets = {"lm_head"}, .bits = 8}}).head().head, "int8");
  const LayerRecipe four =
      resolve({{.targets = {"lm_head"}, .bits = 4, .group_size = 32, .symmetric = false}});
  EXPECT_EQ(four.head().head, "int4");
  EXPECT_EQ(four.head().group_size, 32);
  EXPECT_FALSE(four.head().symmetric);
  EXPECT_EQ(four.options(0, LinearId::kQ).group_size, 64);
  EXPECT_EQ(resolve({{.targets = {"re:.*"}, .bits = 8}}).head().head, "keep");
  EXPECT_EQ(
      resolve({{.targets = {"lm_head"}, .bits = 8}, {.targets = {"re:lm"}, .ignore = true}}).head().head,
      "keep");

  const auto refuses = [](RecipeRule rule, const char* words) {
    expect_error(ErrorKind::kUsage, {"recipe", words}, [&] { resolve({rule}); });
  };
  refuses({.targets = {"lm_head"}, .bits = 3}, "expected 4 or 8");
  refuses({.targets = {"lm_head"}, .group_size = 32}, "give it bits");
  refuses({.targets = {"lm_head"}, .bits = 8, .group_size = 32}, "each vocabulary entry");
  refuses({.targets = {"lm_head"}, .scheme = "w8a8"}, "lm_head takes bits");
  refuses({.targets = {"model.embed_tokens"}, .bits = 8}, "--embeddings int8");

  QuantizeOptions options = with_rules({{.targets = {"lm_head", "embed_tokens"}, .ignore = true}});
  EXPECT_NO_THROW(resolve_options(options));
  options.head = "int8";
  expect_error(ErrorKind::kUsage, {"recipe:ignore", "int8"}, [&] { resolve_options(options); });
}

TEST(LayerRecipe, NeedsAreThoseOfAllLayersThatAreQuantized) {
  QuantizeOptions options;
  options.method = "rtn";
  EXPECT_FALSE(resolve_options(options).needs_calibration());
  options.rules = {{.targets = {"down_proj"}, .method = "gptaq"}};
  const LayerRecipe recipe = resolve_options(options);
  EXPECT_TRUE(recipe.needs_calibration());
  EXPECT_TRUE(recipe.sequential());
  EXPECT_TRUE(recipe.needs_original());
  EXPECT_TRUE(recipe.statistics().moment);
  EXPECT_TRUE(recipe.statistics().drift);
  options.rules.push_back({.targets = {"down_proj"}, .ignore = true});
  EXPECT_FALSE(resolve_options(options).needs_calibration());
  EXPECT_FALSE(resolve_options(options).sequential());
}

TEST(LayerRecipe, RoundingIsLearnedInBlocksThatAreQuantizedWholly) {
  QuantizeOptions options;
  options.method = "autoround";
  EXPECT_GT(resolve_options(options).iterations(0), 0);
  options.rules = {{.targets = {"model.layers.0.mlp.down_proj"}, .ignore = true},
                   {.targets = {"model.layers.1.mlp.down_proj"}, .method = "gptq"},
                   {.targets = {"model.layers.2.mlp.down_proj"}, .bits = 8}};
  const LayerRecipe recipe = resolve_options(options);
  EXPECT_EQ(recipe.iterations(0), 0);
  EXPECT_EQ(recipe.iterations(1), 0);
  EXPECT_GT(recipe.iterations(2), 0);
  EXPECT_THAT(recipe.blocks_kept_from_learning(), ElementsAre(0, 1));
  options.method = "gptq";
  EXPECT_THAT(resolve_options(options).blocks_kept_from_learning(), IsEmpty());
}

TEST(LayerRecipe, ScalesAreTunedWhereAllNumbersAreIntegers) {
  QuantizeOptions options{.method = "gptq", .preset = "balanced"};
  EXPECT_EQ(resolve_options(options).tuning_steps(), 0);
  options.method = "auto";
  EXPECT_GT(resolve_options(options).tuning_steps(), 0);
  EXPECT_TRUE(resolve_options(options).needs_original());
  options.rules = {{.targets = {"model.layers.0.mlp.down_proj"}, .ignore = true},
                   {.targets = {"model.layers.1.mlp.down_proj"}, .bits = 8}};
  EXPECT_GT(resolve_options(options).tuning_steps(), 0);
  options.rules.back() = {.targets = {"down_proj"}, .method = "rtn", .scheme = "fp8"};
  EXPECT_EQ(resolve_options(options).tuning_steps(), 0);
  options.rules.clear();
  options.preset = "fast";
  EXPECT_EQ(resolve_options(options).tuning_steps(), 0);
  EXPECT_FALSE(resolve_options(options).needs_original());
}

TEST(LayerRecipe, NormalFloatsStandAlone) {
  QuantizeOptions options;
  options.method = "rtn";
  options.rules = {{.targets = {"down_proj"}, .scheme = "nf4"}};
  expect_error(ErrorKind::kUsage, {"NF4", "nf4"}, [&] { resolve_options(options); });
  options.rules.push_back({.targets = {"re:.*(self_attn|gate|up).*"}, .ignore = true});
  EXPECT_FALSE(resolve_options(options).ignores(0, LinearId::kDown));
}

}  // namespace
}  // namespace fptq
