// `fptq compare MODEL --methods`: one table, and nothing done twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/json.h"
#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

class CompareMethods : public testing::Test {
 protected:
  std::string work() const { return (folder_ / "work").string(); }
  std::vector<std::string> command(const std::string& methods, const std::vector<std::string>& more,
                                   const std::string& max_tokens = "512") const {
    std::vector<std::string> args = {"compare",    kTinyModel,   "--methods",    methods,    "--work", work(),
                                     "--text",     kHeldOutText, "--max-tokens", max_tokens, "--ctx",  "128",
                                     "--nsamples", "4",          "--seqlen",     "64",       "-g",     "32",
                                     "-n",         "4"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  Json json(const std::string& methods, const std::vector<std::string>& more = {},
            const std::string& max_tokens = "512") const {
    std::vector<std::string> args = command(methods, more, max_tokens);
    args.insert(args.end(), {"--json", "-q"});
    const Outcome run = run_fptq(args);
    EXPECT_EQ(run.code, 0) << run.err;
    return parse_json(run.out, "compare");
  }
  int64_t models() const {
    return std::count_if(fs::directory_iterator(work()), fs::directory_iterator(),
                         [](const fs::directory_entry& e) { return e.is_directory(); });
  }

  TempFolder folder_;
};

TEST_F(CompareMethods, EqualsQuantizeAndEvalDoneByHand) {
  const Json table = json("fptq,rtn:bits=8:asym");
  EXPECT_EQ(table["schema"], "fptq.compare_methods.v1");
  EXPECT_EQ(table["tokens"], 512);
  EXPECT_EQ(table["ctx"], 128);
  ASSERT_EQ(table["methods"].size(), 2u);
  const Json& fptq_row = table["methods"][0];
  const Json& rtn_row = table["methods"][1];
  EXPECT_EQ(fptq_row["name"], "fptq");
  EXPECT_THAT(fptq_row["scheme"], testing::StartsWith("W4A8 g32"));
  EXPECT_EQ(rtn_row["name"], "rtn:bits=8:asym");
  EXPECT_EQ(rtn_row["method"], "rtn");
  EXPECT_THAT(rtn_row["scheme"], testing::StartsWith("W8A8 g32"));
  EXPECT_THAT(rtn_row["scheme"], testing::EndsWith("asym token"));
  EXPECT_LT(rtn_row["kl"]["mean"], fptq_row["kl"]["mean"]);
  EXPECT_GT(rtn_row["bits_per_weight"], 8.0);
  EXPECT_GT(table["original"]["timing"]["decode_tokens_per_second"], 0.0);
  EXPECT_TRUE(table["original"]["kl"].is_null());
  for (const Json& row : table["methods"]) {
    EXPECT_GT(row["timing"]["prefill_tokens_per_second"], 0.0);
    EXPECT_GT(row["timing"]["peak_rss_bytes"], 0);
    EXPECT_GT(row["timing"]["quantize_seconds"], 0.0);
    EXPECT_GT(row["timing"]["quantize_peak_rss_bytes"], 0);
  }

  const std::string out = (folder_ / "out").string();
  ASSERT_EQ(run_fptq({"quantize", kTinyModel, out, "--method", "fptq", "--nsamples", "4", "--seqlen", "64",
                      "-g", "32", "--no-eval", "-q"})
                .code,
            0);
  const Json eval = parse_json(run_fptq({"eval", out, "--text", kHeldOutText, "--max-tokens", "512", "--ctx",
                                         "128", "--reference", kTinyModel, "--json"})
                                   .out,
                               "eval");
  EXPECT_EQ(fptq_row["perplexity"], eval["perplexity"]);
  EXPECT_EQ(fptq_row["kl"], eval["kl"]);
  EXPECT_EQ(fptq_row["top1"], eval["top1"]);
  EXPECT_EQ(table["original"]["perplexity"], eval["reference_perplexity"]);
}

TEST_F(CompareMethods, NothingIsDoneTwiceAndAChangedOptionIsNoticed) {
  const Json first = json("fptq,rtn");
  const auto reused = [](const Json& table) {
    std::vector<bool> out = {table["original"]["timing"]["reused"]};
    for (const Json& row : table["methods"]) out.push_back(row["timing"]["reused"]);
    return out;
  };
  EXPECT_EQ(reused(first), (std::vector<bool>{false, false, false}));

  Json again = json("fptq,rtn");
  EXPECT_EQ(reused(again), (std::vector<bool>{true, true, true}));
  EXPECT_EQ(again["methods"][0]["kl"], first["methods"][0]["kl"]);
  EXPECT_EQ(again["methods"][0]["timing"]["quantize_seconds"],
            first["methods"][0]["timing"]["quantize_seconds"]);

  // Its own options, under the same name of the row or another.
  EXPECT_EQ(reused(json("fptq,rtn:g=64")), (std::vector<bool>{true, true, false}));
  EXPECT_EQ(reused(json("fptq,rtn:g=64")), (std::vector<bool>{true, true, true}));
  EXPECT_EQ(reused(json("fptq:g=32,fptq:seed=1")), (std::vector<bool>{true, true, false}));
  // Another text: evaluated again, not quantized again.
  const Json shorter = json("fptq,rtn", {}, "256");
  EXPECT_EQ(reused(shorter), (std::vector<bool>{false, false, false}));
  EXPECT_EQ(shorter["methods"][0]["timing"]["quantize_seconds"],
            first["methods"][0]["timing"]["quantize_seconds"]);
  EXPECT_EQ(reused(json("fptq,rtn")), (std::vector<bool>{true, true, true})) << "both texts are remembered";
}

TEST_F(CompareMethods, GoesOnAfterAKill) {
  // The second entry works long enough to be killed in it.
  const std::vector<std::string> args = command("rtn,fptq:nsamples=400", {"-v"});
  RunningFptq running(args, "", {});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (running.err_so_far().find("[3/3] fptq:nsamples=400: quantize") == std::string::npos &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  running.signal(SIGKILL);
  ASSERT_EQ(running.wait().code, 128 + SIGKILL);

  const Outcome second = run_fptq(args);
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_THAT(second.err, HasSubstr("[3/3] fptq:nsamples=400: quantize"));
  EXPECT_THAT(second.err, Not(HasSubstr("[1/3]"))) << "the original is not run again";
  EXPECT_THAT(second.err, Not(HasSubstr("[2/3]"))) << "nor is what was finished";
  const Outcome third = run_fptq(args);
  EXPECT_THAT(third.err, Not(HasSubstr("/3]")));
  EXPECT_EQ(third.out, second.out);
}

TEST_F(CompareMethods, AFailureIsARowAndTheOthersGoOn) {
  const std::string missing = (folder_ / "missing.txt").string();
  const Outcome run = run_fptq(command("fptq:calib=" + missing + ",rtn", {}));
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, HasSubstr("1 of 2 failed"));
  EXPECT_THAT(run.out, HasSubstr("failed:\n\n- fptq:calib=" + missing + ": " + missing));
  EXPECT_THAT(run.out, HasSubstr("\nrtn "));

  const Outcome as_json = run_fptq(command("fptq:calib=" + missing + ",rtn", {"--json", "-q"}));
  EXPECT_EQ(as_json.code, 1);
  const Json table = parse_json(as_json.out, "compare");
  EXPECT_THAT(table["methods"][0]["failure"], HasSubstr(missing));
  EXPECT_TRUE(table["methods"][0]["perplexity"].is_null());
  EXPECT_TRUE(table["methods"][1]["failure"].is_null());
  EXPECT_EQ(table["methods"][1]["timing"]["reused"], true);
}

TEST_F(CompareMethods, FormsHaveOneRowForTheOriginalAndEachMethod) {
  const auto lines = [&](const char* form) {
    const Outcome run = run_fptq(command("fptq,rtn", {form, "-q"}));
    EXPECT_EQ(run.code, 0) << run.err;
    return run.out;
  };
  const std::string csv = lines("--csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 3);
  EXPECT_THAT(csv, testing::StartsWith("name,method,scheme,bits_per_weight,"));
  const std::string markdown = lines("--md");
  for (const char* part :
       {"| method | scheme | bits |", "| original | F32 |", "| fptq | W4A8 ", "| rtn | W4A8 "})
    EXPECT_THAT(markdown, HasSubstr(part));
}

TEST_F(CompareMethods, KeepsTheModelsThatItIsToldToKeep) {
  const Json best = json("rtn:bits=8,rtn", {"--keep", "best"});
  EXPECT_EQ(models(), 1);
  EXPECT_TRUE(fs::exists(best["methods"][0]["model"].get<std::string>()));
  EXPECT_TRUE(best["methods"][1]["model"].is_null());
  const Json none = json("rtn:bits=8,rtn", {"--keep", "none"});
  EXPECT_EQ(models(), 0);
  EXPECT_EQ(none["methods"][1]["timing"]["reused"], true) << "results outlive their models";
  json("rtn:bits=8,rtn", {}, "256");
  EXPECT_EQ(models(), 2) << "made again for another text";
}

TEST_F(CompareMethods, MistakesNameTheEntry) {
  struct Mistake {
    std::vector<std::string> args;
    const char* words;
  };
  for (const Mistake& m :
       {Mistake{command("fptq,gtpq", {}), "--methods entry 'gtpq'"},
        Mistake{command("fptq:bitts=8", {}), "did you mean '--bits'?"},
        Mistake{command("fptq:bits=9", {}), "--methods entry 'fptq:bits=9': --bits"},
        Mistake{command("rtn,rtn", {}), "'rtn': is there twice"},
        Mistake{command("fptq:sym:asym", {}), "contradict"},
        Mistake{command("fptq,", {}), "--methods entry ''"},
        Mistake{{"compare", kTinyModel}, "expected a second model"},
        Mistake{{"compare", kTinyModel, kTinyModel, "--methods", "rtn"}, "expected no second model"},
        Mistake{{"compare", kTinyModel, kTinyModel, "--bits", "8"}, "--bits: needs --methods"},
        Mistake{command("rtn", {"-g", "64"}), "--group-size: given 2 times"},
        Mistake{{"compare", kTinyModel, kTinyModel, "--csv"}, "needs --methods"}}) {
    const Outcome run = run_fptq(m.args);
    EXPECT_EQ(run.code, 2) << m.words;
    EXPECT_THAT(run.err, HasSubstr(m.words));
    EXPECT_FALSE(fs::exists(work()));
  }
}

TEST_F(CompareMethods, AllStandsForEveryMethod) {
  const Json table = json("all:bits=8");
  EXPECT_GE(table["methods"].size(), 2u);
  for (const Json& row : table["methods"]) {
    EXPECT_EQ(row["name"], row["method"].get<std::string>() + ":bits=8");
  }
}

}  // namespace
}  // namespace fptq
