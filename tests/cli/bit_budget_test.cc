// `--bits-per-weight`: 8 bits where they help most.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/json.h"
#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;

class BitBudget : public testing::Test {
 protected:
  Outcome quantize(const std::string& name, const std::vector<std::string>& more) const {
    std::vector<std::string> args = {"quantize",  kTinyModel, (folder_ / name).string(),
                                     "--method",  "rtn",      "--nsamples",
                                     "8",         "--seqlen", "128",
                                     "-g",        "32",       "--asym",
                                     "-q",        "--json",   "--calib",
                                     kHeldOutText};
    args.insert(args.end(), more.begin(), more.end());
    return run_fptq(args);
  }
  Json report(const std::string& name, const std::vector<std::string>& more) const {
    const Outcome run = quantize(name, more);
    EXPECT_EQ(run.code, 0) << run.err;
    return parse_json(run.out, "report");
  }
  Json recipe(const std::string& name) const {
    return parse_json(slurp(folder_ / name / "fptq_recipe.json"), name);
  }

  TempFolder folder_;
};

TEST_F(BitBudget, IsSpentAndNoMore) {
  const double four = report("four", {"--no-eval"})["bits_per_weight"];
  const Json mixed = report("mixed", {"--bits-per-weight", "6.5", "--no-eval"});
  EXPECT_LT(four, 5.7);
  EXPECT_LE(mixed["bits_per_weight"], 6.5);
  EXPECT_GT(mixed["bits_per_weight"], 6.3);

  // Layers that engines fuse have the same bits; the effective recipe tells of all.
  const Json written = recipe("mixed");
  EXPECT_EQ(written["bits_per_weight"], 6.5);
  EXPECT_EQ(written["rules"].size(), 1u);
  std::map<std::string, std::map<int, int>> bits_of_input;
  for (const Json& layer : written["layers"]) {
    std::string name = layer["module"];
    for (const char* part : {"q_proj", "k_proj", "v_proj"}) {
      if (name.ends_with(part)) name.replace(name.size() - 6, 6, "qkv");
    }
    if (name.ends_with("gate_proj") || name.ends_with("up_proj")) name.resize(name.rfind('.'));
    ++bits_of_input[name][layer["bits"]];
    EXPECT_EQ(layer["group_size"], layer["bits"] == 8 ? -1 : 32) << name;
  }
  EXPECT_EQ(bits_of_input.size(), 20u);
  for (const auto& [name, bits] : bits_of_input) EXPECT_EQ(bits.size(), 1u) << name;
  EXPECT_EQ(run_fptq({"verify", (folder_ / "mixed").string()}).code, 0);
}

TEST_F(BitBudget, HelpsMoreThanTheFirstLayersDo) {
  const std::string naive = folder_
                                .write("naive.yaml",
                                       "rules:\n"
                                       "  - targets: [\"re:.*layers\\\\.[0-1]\\\\..*\"]\n"
                                       "    bits: 8\n"
                                       "    group_size: -1\n")
                                .string();
  const Json first = report("first", {"--recipe", naive});
  const double bits = first["bits_per_weight"];
  const Json chosen = report("chosen", {"--bits-per-weight", std::to_string(bits)});
  EXPECT_LE(chosen["bits_per_weight"], bits + 1e-6);
  EXPECT_LT(chosen["evaluation"]["kl"]["mean"], 0.9 * first["evaluation"]["kl"]["mean"].get<double>());
}

TEST_F(BitBudget, ThreeBitsMayBecomeFourOrEight) {
  report("three", {"--scheme", "w3a16", "--bits-per-weight", "5", "--no-eval"});
  const Json written = recipe("three");
  std::map<int, int> count;
  for (const Json& layer : written["layers"]) ++count[layer["bits"]];
  EXPECT_EQ(count.size(), 3u);
}

TEST_F(BitBudget, NeedsNoDataAndGoesWithSolvers) {
  const auto bits = [&](const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> args = {
        "quantize",  kTinyModel, (folder_ / name).string(), "--seqlen", "64", "--nsamples", "4", "-g", "32",
        "--no-eval", "--json",   "--bits-per-weight",       "6.5",      "-q"};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome run = run_fptq(args);
    EXPECT_EQ(run.code, 0) << run.err;
    return parse_json(run.out, "report")["bits_per_weight"].get<double>();
  };
  for (const char* calibration : {"self", "random"}) {
    EXPECT_NEAR(bits("rtn", {"--method", "rtn", "--calib", calibration, "--force"}), 6.4, 0.11)
        << calibration;
  }
  EXPECT_NEAR(bits("gptq", {"--method", "gptq"}), 6.4, 0.11);
}

TEST_F(BitBudget, WhatRulesSayStays) {
  const std::string rules =
      folder_.write("rules.yaml", "rules:\n  - {targets: down_proj, bits: 4}\nignore: [o_proj]\n").string();
  // Dense layers count: without them five bits would be plenty.
  EXPECT_THAT(quantize("small", {"--recipe", rules, "--bits-per-weight", "5.5"}).err,
              HasSubstr("the fewest bits that these options allow"));
  report("ruled", {"--recipe", rules, "--bits-per-weight", "16", "--no-eval"});
  const Json written = recipe("ruled");
  for (const Json& layer : written["layers"]) {
    const std::string name = layer["module"];
    if (name.ends_with("o_proj")) {
      EXPECT_TRUE(layer.contains("ignore"));
    } else {
      EXPECT_EQ(layer["bits"], name.ends_with("down_proj") ? 4 : 8) << name;
    }
  }
}

TEST_F(BitBudget, ThePlanKnowsWhatItComesTo) {
  const Outcome dry = quantize("dry", {"--bits-per-weight", "6.5", "--dry-run"});
  ASSERT_EQ(dry.code, 0) << dry.err;
  const Json plan = parse_json(dry.out, "plan"),
             made = report("made", {"--bits-per-weight", "6.5", "--no-eval"});
  EXPECT_EQ(plan["bits_per_weight"], 6.5);
  const double planned = plan["output_bytes"],
               written =
                   static_cast<double>(std::filesystem::file_size(folder_ / "made" / "model.safetensors"));
  EXPECT_NEAR(planned, written, 0.05 * written);
}

TEST_F(BitBudget, MistakesAreRefused) {
  const auto refuses = [&](const std::vector<std::string>& options, const char* words) {
    const Outcome run = quantize("out", options);
    EXPECT_EQ(run.code, 2);
    EXPECT_THAT(run.err, HasSubstr(words));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
  };
  refuses({"--bits-per-weight", "4"}, "the fewest bits that these options allow are");
  refuses({"--bits-per-weight", "4", "--dry-run"}, "the fewest bits that these options allow are");
  refuses({"--bits-per-weight", "17"}, "expected a number from 1 to 16");
  refuses({"--bits-per-weight", "9", "--bits", "8"}, "all weights have 8 bits already");
  EXPECT_EQ(run_fptq({"quantize", kTinyModel, (folder_ / "out").string(), "--scheme", "nf4", "--method",
                      "rtn", "--bits-per-weight", "5"})
                .code,
            2);
}

}  // namespace
}  // namespace fptq
