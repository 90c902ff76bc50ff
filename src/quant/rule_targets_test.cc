#include "quant/rule_targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "model/layout.h"

namespace fptq {
namespace {

ModuleNames three_blocks() {
  ModuleNames names;
  for (int64_t layer = 0; layer < 3; ++layer) {
    for (const LinearId id : kAllLinears) names.linears.push_back(module_name(layer, id));
  }
  names.others = {"lm_head", "model.embed_tokens"};
  return names;
}

RuleTargets resolve(std::vector<std::string> targets) {
  return resolve_targets({.targets = std::move(targets), .where = "r.yaml:7"}, three_blocks());
}

int64_t count(const RuleTargets& t, Specificity precision) {
  return std::ranges::count(t.linears, precision);
}

TEST(RuleTargets, AreNamesTheirEndsExpressionsAndTheClass) {
  EXPECT_EQ(count(resolve({"model.layers.1.self_attn.q_proj"}), Specificity::kName), 1);
  EXPECT_EQ(count(resolve({"self_attn.q_proj"}), Specificity::kPattern), 3);
  EXPECT_EQ(count(resolve({"q_proj"}), Specificity::kPattern), 3);
  EXPECT_EQ(count(resolve({"Linear"}), Specificity::kClass), 21);
  EXPECT_EQ(count(resolve({"re:.*layers\\.(0|2)\\..*"}), Specificity::kPattern), 14);
  EXPECT_EQ(count(resolve({"re:model"}), Specificity::kPattern), 21) << "it need not reach the end";
}

TEST(RuleTargets, OfSeveralTheMostPreciseCounts) {
  const RuleTargets t = resolve({"Linear", "model.layers.0.mlp.up_proj", "up_proj"});
  EXPECT_EQ(count(t, Specificity::kName), 1);
  EXPECT_EQ(count(t, Specificity::kPattern), 2);
  EXPECT_EQ(count(t, Specificity::kClass), 18);
}

TEST(RuleTargets, HeadAndEmbeddingAreOfNoClass) {
  EXPECT_EQ(resolve({"Linear"}).others, (std::vector{Specificity::kNone, Specificity::kNone}));
  EXPECT_EQ(resolve({"lm_head", "embed_tokens"}).others,
            (std::vector{Specificity::kName, Specificity::kPattern}));
  EXPECT_EQ(resolve({"re:.*"}).others, (std::vector{Specificity::kPattern, Specificity::kPattern}));
}

TEST(RuleTargets, OneThatMeansNothingIsRefusedWithWhatThereIs) {
  const auto refuses = [](const char* target, const std::vector<std::string>& words) {
    expect_error(ErrorKind::kUsage, words, [&] { resolve({"q_proj", target}); });
  };
  refuses("qproj", {"r.yaml:7:targets", "\"qproj\" is no layer of the model", "did you mean \"q_proj\"?"});
  refuses("model.layers.2.mlp.gate_prj", {"did you mean \"model.layers.2.mlp.gate_proj\"?"});
  refuses("lm_haed", {"did you mean \"lm_head\"?"});
  refuses("proj", {"\"proj\" is no layer"});
  refuses("*.down_proj", {"re:.*down_proj$"});
  refuses("re:.*layers\\.3.*",
          {"model.layers.0.self_attn.q_proj to model.layers.2.mlp.down_proj", "mlp.gate_proj", "lm_head"});
  expect_error(ErrorKind::kBadModel, {"r.yaml:7:targets"}, [] { resolve({"re:("}); });
}

}  // namespace
}  // namespace fptq
