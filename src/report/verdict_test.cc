#include "report/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "report/module_place.h"

namespace fptq::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Run run(const std::string& name, double bits, double kl) {
  Run r;
  r.name = name;
  r.method = name;
  r.bits_per_weight = bits;
  r.file_bytes = static_cast<uint64_t>(bits * 1e7);
  r.evaluation.emplace();
  r.evaluation->perplexity = 11;
  r.evaluation->reference_perplexity = 10;
  r.evaluation->kl = Divergence{.mean = kl, .top1 = 0.8};
  return r;
}

RunReport four_runs() {
  RunReport report;
  report.original.file_bytes = 160'000'000;
  report.runs = {run("rtn", 4.25, 0.6), run("gptq", 4.31, 0.19), run("w8", 8.02, 0.03),
                 run("bad8", 8.1, 0.2)};
  return report;
}

std::vector<std::string> names(const std::vector<const Run*>& runs) {
  std::vector<std::string> out;
  for (const Run* r : runs) out.push_back(r->name);
  return out;
}

TEST(Grade, HasLimits) {
  EXPECT_EQ(grade(run("a", 4, 0.009)), Grade::kSame);
  EXPECT_EQ(grade(run("a", 4, 0.01)), Grade::kClose);
  EXPECT_EQ(grade(run("a", 4, 0.05)), Grade::kNear);
  EXPECT_EQ(grade(run("a", 4, 0.15)), Grade::kFar);
  EXPECT_EQ(grade(run("a", 4, 0.5)), Grade::kBroken);
  EXPECT_EQ(grade(run("a", 4, NAN)), Grade::kBroken);
  EXPECT_EQ(grade(fptq::Run{}), Grade::kUnknown);
}

TEST(Grade, HasANameAndWords) {
  EXPECT_STREQ(grade_name(Grade::kUnknown), "unknown");
  EXPECT_STREQ(grade_name(Grade::kNear), "near");
  EXPECT_STREQ(grade_name(Grade::kBroken), "broken");
  EXPECT_EQ(grade_words(Grade::kUnknown), "not measured");
  EXPECT_EQ(grade_words(Grade::kNear), "near the original");
}

TEST(Verdict, IsAboutTheBestOfTheSmallRuns) {
  const RunReport report = four_runs();
  EXPECT_EQ(focus_of(report)->name, "gptq");
  EXPECT_THAT(names(undominated(report)), ElementsAre("rtn", "gptq", "w8"));
  const Verdict v = judge(report);
  EXPECT_EQ(v.focus, "gptq");
  EXPECT_EQ(v.headline,
            "gptq loses least of the 2 smallest runs: at 4.31 bits per weight it is far from the original "
            "(KL 0.190, same "
            "top token 80 %, perplexity +10.0 %).");
  EXPECT_THAT(v.sentences,
              ElementsAre("It takes 43.1 MB, 27 % of the original's 160.0 MB.",
                          "To stay close (KL below 0.05), take w8: 8.02 bits per weight, KL 0.030.",
                          "bad8 loses more than another run that takes no more bits."));
}

TEST(Verdict, SpeedsAreComparedOnlyWhereTheyWereMeasuredAlike) {
  RunReport report = four_runs();
  report.original.speed = RunSpeed{.decode_tokens_per_second = 10, .conditions = "a"};
  report.runs[1].speed = RunSpeed{.decode_tokens_per_second = 25, .conditions = "a"};
  EXPECT_THAT(judge(report).sentences[0], HasSubstr("decodes 2.5 times as fast"));
  report.runs[1].speed->conditions = "b";
  EXPECT_THAT(judge(report).sentences[0], Not(HasSubstr("as fast")));
}

TEST(Verdict, AFailedRunIsNotJudged) {
  RunReport report = four_runs();
  report.runs[1].failure = "out of memory";
  EXPECT_EQ(judge(report).focus, "rtn");
  report.runs.clear();
  EXPECT_EQ(judge(report).headline, "No run has results to judge.");
}

SensitivityResult sensitivity() {
  SensitivityResult s;
  s.method = "gptq";
  s.scheme = "w4a8";
  for (int layer = 0; layer < 10; ++layer) {
    for (const char* name : {"self_attn.v_proj", "mlp.down_proj"}) {
      const bool strong = std::string(name) == "mlp.down_proj" && (layer == 0 || layer == 9);
      s.layers.push_back({.module = "model.layers." + std::to_string(layer) + "." + name,
                          .weights = 1000,
                          .bits_per_weight = 4.25,
                          .kl = strong ? 0.02 : 0.005});
    }
  }
  return s;
}

TEST(Advice, NamesTheSensitiveLayersAndWhatTheyCost) {
  // Two of twenty carry 0.04 of 0.13: each more than twice its even share, together three tenths.
  const auto advice = advice_by_sensitivity(run("gptq", 4.25, 0.2), sensitivity());
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->what, "Keep down_proj of layers 0 and 9 in 8 bits.");
  EXPECT_EQ(
      advice->why,
      "They carry 31 % of the loss of all 20 layers, each quantized alone; at best KL falls from 0.200 to "
      "about 0.138.");
  EXPECT_NEAR(advice->bits, 2 * 3.75 / 20, 1e-12);
  EXPECT_EQ(
      advice->recipe,
      "rules:\n  - {targets: [\"model.layers.0.mlp.down_proj\", \"model.layers.9.mlp.down_proj\"], bits: "
      "8}\n");
}

TEST(Advice, NamesNoLayerWhereTheLossIsSpread) {
  SensitivityResult s = sensitivity();
  for (LayerSensitivity& l : s.layers) l.kl = 0.01;
  EXPECT_FALSE(advice_by_sensitivity(run("gptq", 4.25, 0.2), s));
  for (LayerSensitivity& l : s.layers) l.kl = 0;
  EXPECT_FALSE(advice_by_sensitivity(run("gptq", 4.25, 0.2), s));
}

TEST(Advice, LayersInEightBitsAreNotNamed) {
  SensitivityResult s = sensitivity();
  for (LayerSensitivity& l : s.layers) {
    if (l.kl > 0.01) l.bits_per_weight = 8.02;
  }
  EXPECT_FALSE(advice_by_sensitivity(run("gptq", 4.25, 0.2), s));
}

TEST(Advice, OtherTypesThanIntegersKeepNoLayerInEightBits) {
  fptq::Run nf4 = run("gptq", 4.13, 0.2);
  nf4.quantization.emplace().linears.push_back({.module = "m", .bits = 4, .form = "nf4 g64"});
  EXPECT_FALSE(advice_by_sensitivity(nf4, sensitivity()));
}

TEST(Advice, NamesFromFilesAreQuoted) {
  SensitivityResult s = sensitivity();
  s.layers[1].module = "a\"], bits: 3}\n<script>";
  s.layers[1].kl = 1;
  EXPECT_THAT(advice_by_sensitivity(run("gptq", 4.25, 0.2), s)->recipe,
              HasSubstr("[\"a\\\"], bits: 3}\\\\x0a<script>\"]"));
}

Run run_of_blocks() {
  Run r = run("rtn", 4, 0.5);
  QuantizeReport& q = r.quantization.emplace();
  for (int64_t layer = 0; layer < 8; ++layer) {
    // Noise of 0.01 more each block, and 0.2 more at block 5.
    const double noise = 0.01 * static_cast<double>(layer + 1) + (layer >= 5 ? 0.2 : 0);
    q.blocks.push_back({layer, -10 * std::log10(noise)});
    q.linears.push_back({.module = "model.layers." + std::to_string(layer) + ".mlp.up_proj",
                         .bits = 4,
                         .group_size = 64,
                         .form = "int4 g64 sym",
                         .weights = 100});
  }
  return r;
}

TEST(Advice, WithoutSensitivityTheNoisiestBlockIsNamed) {
  const auto advice = advice_by_blocks(run_of_blocks());
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->what, "Keep block 5 in 8 bits.");
  EXPECT_THAT(advice->why, HasSubstr("75 % of the noise"));
  EXPECT_NEAR(advice->bits, 4.0 / 8, 1e-12);
  EXPECT_THAT(advice->recipe, HasSubstr("[\"model.layers.5.mlp.up_proj\"]"));
  EXPECT_FALSE(advice_by_blocks(run("rtn", 4, 0.5)));
}

TEST(Advice, StaticInputsWithMassiveTokensGoPerToken) {
  fptq::Run r = run_of_blocks();
  InputDecision d;
  d.activation = "static";
  d.profile.massive_tokens = 3;
  d.profile.after.largest = 600;
  d.profile.after.median = 10;
  r.quantization->inputs = {d};
  const auto advice = advice_on_static_inputs(r);
  ASSERT_TRUE(advice);
  EXPECT_THAT(advice->why, HasSubstr("1 of 1 static inputs"));
  EXPECT_EQ(advice->bits, 0);
  r.quantization->inputs[0].activation = "token";
  EXPECT_FALSE(advice_on_static_inputs(r));
}

TEST(Advice, ClippingAsksForZeroPoints) {
  fptq::Run r = run_of_blocks();
  EXPECT_FALSE(advice_on_clipping(r));
  r.quantization->linears[2].clipped_share = 0.02;
  const auto advice = advice_on_clipping(r);
  ASSERT_TRUE(advice);
  EXPECT_NEAR(advice->bits, 4.0 / 64, 1e-12);
}

TEST(ModulePlace, ReadsLayersAndNames) {
  EXPECT_EQ(module_place("model.layers.29.mlp.down_proj").layer, 29);
  EXPECT_EQ(module_place("model.layers.29.mlp.down_proj").name, "down_proj");
  EXPECT_EQ(module_place("lm_head").layer, -1);
  EXPECT_EQ(module_place("layers.-3.x").layer, -1);
}

}  // namespace
}  // namespace fptq::report
