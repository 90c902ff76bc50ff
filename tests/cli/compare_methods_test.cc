// `fptq compare MODEL --methods`: one table, and nothing done twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/json.h"
#include "exam.h"
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

TEST_F(CompareMethods, TasksAreAnsweredOnceByEachModel) {
  const std::string task = write_exam(folder_, 30);
  const Json plain = json("rtn");
  EXPECT_FALSE(plain["original"].contains("tasks"));
  const auto reused = [](const Json& table) {
    return std::pair<bool, bool>(table["original"]["timing"]["reused"],
                                 table["methods"][0]["timing"]["reused"]);
  };
  const Json first = json("rtn", {"--tasks", task, "--limit", "20"});
  EXPECT_EQ(reused(first), std::pair(false, false));
  EXPECT_EQ(first["methods"][0]["timing"]["quantize_seconds"],
            plain["methods"][0]["timing"]["quantize_seconds"]);
  const Json again = json("rtn", {"--tasks", task, "--limit", "20"});
  EXPECT_EQ(reused(again), std::pair(true, true));
  EXPECT_EQ(again["methods"][0]["tasks"], first["methods"][0]["tasks"]);
  EXPECT_EQ(reused(json("rtn")), std::pair(true, true));
  EXPECT_FALSE(json("rtn")["methods"][0].contains("tasks"));

  // The same as by hand.
  for (const auto& [model, row] :
       {std::pair(std::string(kTinyModel), first["original"]),
        std::pair(first["methods"][0]["model"].get<std::string>(), first["methods"][0])}) {
    Json alone =
        parse_json(run_fptq({"eval", model, "--tasks", task, "--limit", "20", "--json", "-q"}).out, "eval");
    for (const char* key : {"schema", "model", "timing"}) alone.erase(key);
    EXPECT_EQ(row["tasks"], alone);
    const Json& score = row["scores"][0];
    EXPECT_EQ(score["metric"], "acc_norm");
    EXPECT_EQ(score["value"], alone["tasks"][0]["metrics"]["acc_norm"].get<double>() * 100);
    EXPECT_EQ(score["stderr"], alone["tasks"][0]["metrics"]["acc_norm_stderr"].get<double>() * 100);
  }

  // Other questions, examples or data are asked again.
  EXPECT_EQ(reused(json("rtn", {"--tasks", task, "--limit", "19"})), std::pair(false, false));
  EXPECT_EQ(reused(json("rtn", {"--tasks", task, "--limit", "20", "--num-fewshot", "1"})),
            std::pair(false, false));
  EXPECT_EQ(reused(json("rtn", {"--tasks", task, "--limit", "20"})), std::pair(true, true));
  std::string lines = slurp(folder_ / "exam.jsonl");
  lines.replace(lines.find("dogs"), 4, "cats");
  folder_.write("exam.jsonl", lines);
  EXPECT_EQ(reused(json("rtn", {"--tasks", task, "--limit", "20"})), std::pair(false, false));

  const Outcome csv = run_fptq(command("rtn", {"--tasks", task, "--limit", "20", "--csv", "-q"}));
  EXPECT_THAT(csv.out, HasSubstr(",failure,exam_acc_norm_percent\n"));
  const Outcome text = run_fptq(command("rtn", {"--tasks", task, "--limit", "20", "-q"}));
  EXPECT_THAT(text.out, HasSubstr("exam acc_norm"));
}

TEST_F(CompareMethods, ReportReadsWhatWasAnswered) {
  const std::string task = write_exam(folder_, 20);
  const Outcome compare = run_fptq(command("rtn", {"--tasks", task, "--json", "-q"}));
  ASSERT_EQ(compare.code, 0) << compare.err;
  const Json table = parse_json(compare.out, "compare");
  const std::string model = table["methods"][0]["model"];
  const std::string from_compare = folder_.write("compare.json", compare.out).string();
  const auto eval = [&](const char* name, const std::string& of, const std::vector<std::string>& more) {
    std::vector<std::string> args = {"eval", of, "--tasks", task, "--json", "-q"};
    args.insert(args.end(), more.begin(), more.end());
    return folder_.write(name, run_fptq(args).out).string();
  };
  const auto report = [&](std::vector<std::string> args) {
    args.insert(args.begin(), "report");
    args.insert(args.end(), {"-o", (folder_ / "r.json").string(), "-o", (folder_ / "r.html").string()});
    const Outcome run = run_fptq(args);
    EXPECT_EQ(run.code, 0) << run.err;
    return parse_json(slurp(folder_ / "r.json"), "report");
  };
  const Json joined = report({from_compare});
  EXPECT_EQ(joined["runs"][0]["tasks"][0]["metrics"], table["methods"][0]["tasks"]["tasks"][0]["metrics"]);
  EXPECT_EQ(joined["original"]["tasks"][0]["questions"], 20);
  EXPECT_THAT(slurp(folder_ / "r.html"), HasSubstr("exam acc_norm"));

  // From `fptq eval` alone, joined by the model: the one that is not quantized is the original.
  const std::string of_model = eval("model.json", model, {}),
                    of_original = eval("original.json", kTinyModel, {});
  const Json alone = report({of_model, of_original});
  ASSERT_EQ(alone["runs"].size(), 1u);
  EXPECT_EQ(alone["runs"][0]["tasks"], joined["runs"][0]["tasks"]);
  EXPECT_EQ(alone["original"]["tasks"], joined["original"]["tasks"]);
  EXPECT_TRUE(alone["warnings"].empty());
  const Json mixed = report({from_compare, eval("model.json", model, {"--limit", "10"})});
  EXPECT_EQ(mixed["runs"][0]["tasks"][0]["questions"], 10) << "what is read later replaces";
  EXPECT_THAT(mixed["warnings"].dump(), HasSubstr("exam was put in different ways"));
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
        Mistake{command("rtn", {"--limit", "3"}), "--limit: needs --tasks"},
        Mistake{command("rtn", {"--tasks", "pica"}), "did you mean piqa?"},
        Mistake{{"compare", kTinyModel, kTinyModel, "--tasks", "piqa"}, "--tasks: needs --methods"},
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
