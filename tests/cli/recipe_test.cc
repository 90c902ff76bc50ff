// `--recipe`: different layers quantized in different ways, from the plan to the finished model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Recipe : public testing::Test {
 protected:
  std::string write(const std::string& text) const { return folder_.write("recipe.yaml", text).string(); }
  Outcome quantize(const std::string& recipe, const std::vector<std::string>& more) const {
    std::vector<std::string> args = {"quantize", kTinyModel, out(),      "--nsamples", "2",
                                     "--seqlen", "64",       "--recipe", recipe,       "-q"};
    args.insert(args.end(), more.begin(), more.end());
    return run_fptq(args);
  }
  Json plan(const std::string& recipe, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> args = {"--dry-run", "--json"};
    args.insert(args.end(), more.begin(), more.end());
    return parse_json(quantize(write(recipe), args).out, "plan");
  }
  std::string out() const { return (folder_ / "out").string(); }
  Json written(const char* file) const { return parse_json(slurp(folder_ / "out" / file), file); }

  TempFolder folder_;
};

constexpr const char* kMixed =
    "scheme: w8a8\n"
    "group_size: 32\n"
    "ignore: [\"re:.*layers\\\\.0\\\\..*\"]\n"
    "rules:\n"
    "  - targets: [q_proj, k_proj]\n"
    "    bits: 4\n"
    "    symmetric: false\n"
    "  - targets: model.layers.4.mlp.down_proj\n"
    "    scheme: w4a16\n"
    "  - {targets: lm_head, bits: 8}\n";

// How kMixed wants a tensor stored.
std::string expected_form(const std::string& name) {
  if (name.starts_with("model.layers.0.")) return "F32";
  if (name.starts_with("model.layers.4.mlp.down_proj")) return "int4 ";
  const bool four = name.find("q_proj") != std::string::npos || name.find("k_proj") != std::string::npos;
  return four ? "int4 g32 asym" : "int8 ";
}

TEST_F(Recipe, LayersAreStoredAsItSays) {
  const Json planned = plan(kMixed);
  const Outcome run = quantize(write(kMixed), {"--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json model = parse_json(run_fptq({"inspect", out(), "--json"}).out, "inspect");
  int checked = 0;
  for (const Json& tensor : model["tensors"]) {
    const std::string name = tensor["name"];
    if (name.find("_proj") == std::string::npos) continue;
    ++checked;
    EXPECT_THAT(tensor["dtype"].get<std::string>(), StartsWith(expected_form(name))) << name;
  }
  EXPECT_EQ(checked, 35);
  EXPECT_NEAR(planned["bits_per_weight"], model["bits_per_weight"], 1e-9);
  EXPECT_EQ(run_fptq({"verify", out()}).code, 0);
  EXPECT_EQ(run_fptq({"generate", out(), "Once upon a time", "-n", "4"}).code, 0);
  // What the pipeline measured along the way is what the finished model does.
  const Json report = parse_json(run.out, "report");
  EXPECT_LT(report["evaluation"]["kl"]["mean"], 0.1);

  const Json config = written("config.json")["quantization_config"];
  EXPECT_GE(config["config_groups"].size(), 4u);
  EXPECT_EQ(config["ignore"].size(), 7u) << "the head is quantized";
  EXPECT_EQ(config["ignore"][0], "model.layers.0.self_attn.q_proj");
}

TEST_F(Recipe, TheEffectiveOneIsWrittenDown) {
  ASSERT_EQ(quantize(write(kMixed), {"--no-eval"}).code, 0);
  const Json recipe = written("fptq_recipe.json");
  EXPECT_EQ(recipe["scheme"], "w8a8");
  EXPECT_EQ(recipe["head"], "int8");
  EXPECT_EQ(recipe["rules"].size(), 4u);
  ASSERT_EQ(recipe["layers"].size(), 35u);
  EXPECT_EQ(recipe["layers"][0], Json({{"module", "model.layers.0.self_attn.q_proj"}, {"ignore", true}}));
  EXPECT_EQ(recipe["layers"][7], Json({{"module", "model.layers.1.self_attn.q_proj"},
                                       {"method", "auto"},
                                       {"scheme", "w8a8"},
                                       {"bits", 4},
                                       {"group_size", 32},
                                       {"symmetric", false}}));
  EXPECT_EQ(recipe["layers"][34]["scheme"], "w4a16");
  EXPECT_EQ(recipe["layers"][34]["bits"], 4);
  EXPECT_THAT(slurp(folder_ / "out" / "README.md"), HasSubstr("7 not quantized"));
}

TEST_F(Recipe, ThePlanCountsLayerByLayer) {
  const Json mixed = plan(kMixed), eight = plan("bits: 8\n"), four = plan("bits: 8\n", {"--bits", "4"});
  ASSERT_EQ(mixed["matrices"].size(), 35u);
  EXPECT_EQ(mixed["matrices"][0]["bits"], 0);
  EXPECT_EQ(mixed["matrices"][7]["bits"], 4);
  EXPECT_EQ(mixed["matrices"][9]["bits"], 8);
  EXPECT_GT(mixed["bits_per_weight"], eight["bits_per_weight"])
      << "a dense block weighs more than 4 bits in q and k save";
  EXPECT_LT(four["bits_per_weight"], eight["bits_per_weight"])
      << "the command line wins over the recipe's defaults";
  EXPECT_LT(plan("bits: 8\n", {"--scheme", "w4a8"})["bits_per_weight"], eight["bits_per_weight"]);
  const Outcome text = quantize(write(kMixed), {"--dry-run"});
  EXPECT_THAT(text.out, HasSubstr("not quantized"));
}

TEST_F(Recipe, IsAnOptionOfComparedMethodsToo) {
  const auto table = [&](const std::string& recipe) {
    const Outcome run = run_fptq({"compare", kTinyModel, "--methods", "rtn,rtn:recipe=" + write(recipe),
                                  "--work", (folder_ / "work").string(), "--max-tokens", "256", "--ctx",
                                  "128", "-n", "4", "--json", "-q"});
    EXPECT_EQ(run.code, 0) << run.err;
    return parse_json(run.out, "compare");
  };
  const std::string eight = "rules: [{targets: down_proj, bits: 8}]\n";
  const Json first = table(eight);
  EXPECT_GT(first["methods"][1]["bits_per_weight"], first["methods"][0]["bits_per_weight"]);
  EXPECT_THAT(first["methods"][1]["scheme"].get<std::string>(), StartsWith("W4+8A8"));
  EXPECT_TRUE(table("# the same\n" + eight)["methods"][1]["timing"]["reused"]);
  const Json changed = table("rules: [{targets: up_proj, bits: 8}]\n");
  EXPECT_FALSE(changed["methods"][1]["timing"]["reused"]) << "rules determine a run";
  EXPECT_TRUE(changed["methods"][0]["timing"]["reused"]);
}

TEST_F(Recipe, MistakesNameFileLineAndKey) {
  const auto refuses = [&](const char* text, int code, const char* words) {
    const Outcome run = quantize(write(text), {"--no-eval"});
    EXPECT_EQ(run.code, code) << text;
    EXPECT_THAT(run.err, HasSubstr(words));
    EXPECT_FALSE(std::filesystem::exists(out()));
  };
  refuses("bits: 4\nbitz: 8\n", 3, "recipe.yaml:2:bitz: unknown key");
  refuses("rules:\n  - targets: qproj\n    bits: 8\n", 2,
          "recipe.yaml:2:targets: \"qproj\" is no layer of the model (did you mean \"q_proj\"?)");
  refuses("rules:\n  - targets: q_proj\n    bits: 5\n", 2, "recipe.yaml:2: model.layers.0.self_attn.q_proj");
  refuses("rules:\n  - targets: q_proj\n    scheme: w4a16\n", 2, "read the same input");
  refuses("method: gtpq\n", 2, "gtpq");
  EXPECT_EQ(quantize((folder_ / "missing.yaml").string(), {}).code, 4);
}

}  // namespace
}  // namespace fptq
