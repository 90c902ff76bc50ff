// `fptq report` and what it reads, from end to end; and the gates.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

#include "base/json.h"
#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

// One quantized model for all tests of this file.
class Report : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    const Outcome run = run_fptq({"quantize", kTinyModel, path("out"), "--method", "fptq", "--calib",
                                  "random", "--nsamples", "4", "--seqlen", "64", "-g", "32", "--json", "-q"});
    ASSERT_EQ(run.code, 0) << run.err;
    folder_->write("quantize.json", run.out);
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string path(const std::string& name) { return (*folder_ / name).string(); }
  // What a command prints, as a file.
  static std::string file_of(const std::string& name, const std::vector<std::string>& args) {
    const Outcome run = run_fptq(args);
    EXPECT_EQ(run.code, 0) << run.err;
    return folder_->write(name, run.out).string();
  }
  static Json json_of(const std::string& file) { return parse_json(slurp(file), file); }

  static TempFolder* folder_;
};
TempFolder* Report::folder_ = nullptr;

TEST_F(Report, QuantizeLeavesWhatItSawInTheFolder) {
  const Json kept = json_of(path("out/fptq_report.json"));
  EXPECT_EQ(kept["schema"], "fptq.quantize.v1");
  EXPECT_EQ(kept["method"], "fptq");
  EXPECT_EQ(kept["inputs"].size(), 20u);
  EXPECT_EQ(kept["linears"].size(), 35u);
  ASSERT_EQ(kept["blocks"].size(), 5u);
  const Json& profile = kept["inputs"][0]["profile"];
  EXPECT_EQ(profile["channels"], 64);
  EXPECT_EQ(profile["tokens"], 256);
  EXPECT_EQ(profile["channel_maxima"]["before"]["bins"].size(), 64u);
  EXPECT_GT(profile["kurtosis"].get<double>(), 1);
  double before = 200;
  for (const Json& block : kept["blocks"]) {
    EXPECT_GT(block["output_sqnr_db"].get<double>(), 0);
    EXPECT_LT(block["output_sqnr_db"].get<double>(), before + 3) << "noise adds up";
    before = block["output_sqnr_db"];
  }
  for (const Json& linear : kept["linears"]) {
    EXPECT_LT(linear["clipped_share"].get<double>(), 0.01);
    EXPECT_LT(linear["smallest_scale"].get<double>(), linear["largest_scale"].get<double>());
  }
  int64_t positions = 0;
  for (const Json& n : kept["evaluation"]["kl"]["histogram"]["counts"]) positions += n.get<int64_t>();
  EXPECT_EQ(positions, kept["evaluation"]["tokens"].get<int64_t>());
  EXPECT_EQ(run_fptq({"verify", path("out")}).code, 0);
}

TEST_F(Report, JoinsResultsOfOneModelIntoOneRun) {
  const std::string eval =
      file_of("eval.json", {"eval", path("out"), "--text", kHeldOutText, "--max-tokens", "256", "--ctx",
                            "128", "--reference", kTinyModel, "--json", "-q"});
  const std::string bench = file_of(
      "bench.json", {"bench", path("out"), "-p", "32", "-n", "4", "-r", "1", "-t", "1", "--json", "-q"});
  const std::string original = file_of(
      "bench0.json", {"bench", kTinyModel, "-p", "32", "-n", "4", "-r", "1", "-t", "1", "--json", "-q"});
  const std::string sensitivity = file_of(
      "sensitivity.json", {"sensitivity", kTinyModel, "--method", "fptq", "--calib", "random", "--max-tokens",
                           "64", "--nsamples", "4", "--seqlen", "64", "-g", "32", "--json", "-q"});
  const Outcome run =
      run_fptq({"report", path("out") + "/", eval, bench, original, sensitivity, "-o", path("r.html"), "-o",
                path("r.json"), "-o", path("r.csv"), "-o", path("r.md")});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, testing::StartsWith("out at 4."));
  const Json json = json_of(path("r.json"));
  EXPECT_EQ(json["title"], "stories260k");
  ASSERT_EQ(json["runs"].size(), 1u);
  const Json &of_run = json["runs"][0], measured = json_of(eval);
  EXPECT_EQ(of_run["name"], "out");
  EXPECT_EQ(of_run["evaluation"]["kl"], measured["kl"]) << "a measurement replaces the folder's";
  EXPECT_EQ(of_run["speed"]["load_seconds"], json_of(bench)["runs"][0]["load_s"]);
  EXPECT_EQ(of_run["speed"]["ms_per_token"], json_of(bench)["runs"][0]["ms_per_token"]);
  EXPECT_EQ(json["original"]["evaluation"]["perplexity"], measured["reference_perplexity"]);
  EXPECT_TRUE(json["original"]["speed"].is_object());
  EXPECT_EQ(json["sensitivities"][0]["layers"].size(), 35u);
  EXPECT_TRUE(json["warnings"].empty()) << json["warnings"].dump();
  EXPECT_LT(fs::file_size(path("r.html")), 3'000'000u);
  EXPECT_THAT(slurp(path("r.html")), HasSubstr("What each layer costs alone"));
  EXPECT_THAT(slurp(path("r.csv")), HasSubstr("out,linear,,model.layers.0.self_attn.q_proj,sqnr_db,"));
  EXPECT_THAT(slurp(path("r.md")), testing::StartsWith("# Quantizing stories260k\n"));
}

TEST_F(Report, SensitivityIsTheDivergenceOfAModelWithOneQuantizedLayer) {
  const Json result =
      json_of(file_of("one.json", {"sensitivity", kTinyModel, "--text", kHeldOutText, "--max-tokens", "256",
                                   "--ctx", "128", "--method", "rtn", "-g", "32", "--json", "-q"}));
  const std::string module = "model.layers.2.mlp.down_proj";
  folder_->write("one.yaml",
                 "ignore: [\"re:model\\\\.layers\\\\.[0134]\\\\..*\", \"re:.*2\\\\.self_attn.*\", "
                 "gate_proj, up_proj]\n");
  ASSERT_EQ(run_fptq({"quantize", kTinyModel, path("one"), "--method", "rtn", "-g", "32", "--recipe",
                      path("one.yaml"), "--no-eval", "-q"})
                .code,
            0);
  const Json eval = parse_json(run_fptq({"eval", path("one"), "--text", kHeldOutText, "--max-tokens", "256",
                                         "--ctx", "128", "--reference", kTinyModel, "--json"})
                                   .out,
                               "eval");
  for (const Json& layer : result["layers"]) {
    if (layer["module"] == module) {
      EXPECT_NEAR(layer["kl"].get<double>(), eval["kl"]["mean"].get<double>(), 1e-6);
      EXPECT_GT(layer["kl"].get<double>(), 1e-4);
      EXPECT_GT(layer["bits_per_weight"].get<double>(), 4.2);
      return;
    }
  }
  FAIL() << "no " << module;
}

TEST_F(Report, LooksRightInABrowser) {
  const std::string page = path("look.html");
  ASSERT_EQ(run_fptq({"report", path("out"), path("quantize.json"), "-o", page, "-q"}).code, 0);
  const std::string command =
      "python3 '" FPTQ_SOURCE_DIR "/scripts/check_report.py' '" + page + "' >'" + path("look.log") + "' 2>&1";
  const int status = std::system(command.c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == 77) GTEST_SKIP() << slurp(path("look.log"));
  EXPECT_EQ(code, 0) << slurp(path("look.log"));
}

TEST_F(Report, AWholeCompareIsARunForEachMethod) {
  const std::string table =
      file_of("compare.json",
              {"compare", kTinyModel, "--methods", "rtn,rtn:bits=8", "--work", path("work"), "--max-tokens",
               "256", "--ctx", "128", "-n", "4", "-g", "32", "--keep", "none", "--json", "-q"});
  ASSERT_EQ(run_fptq({"report", table, "-o", path("c.json"), "-q"}).code, 0);
  const Json json = json_of(path("c.json"));
  ASSERT_EQ(json["runs"].size(), 2u);
  EXPECT_EQ(json["runs"][1]["name"], "rtn:bits=8");
  EXPECT_TRUE(json["runs"][1]["evaluation"]["kl"].contains("histogram"));
  EXPECT_EQ(json["verdict"]["focus"], "rtn");
}

TEST_F(Report, MistakesAreNamed) {
  const auto refused = [&](const std::vector<std::string>& more, int code, const char* words) {
    std::vector<std::string> args = {"report", "-o", path("x.html")};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome run = run_fptq(args);
    EXPECT_EQ(run.code, code) << run.err;
    EXPECT_THAT(run.err, HasSubstr(words));
    EXPECT_FALSE(fs::exists(path("x.html")));
  };
  refused({path("missing")}, 4, "no such file");
  refused({folder_->write("study.json", R"({"schema": "fptq.study.v1"})").string()}, 3, "fptq.study.v1");
  refused({folder_->write("bad.json", "{").string()}, 3, "bad.json");
  refused({kTinyModel}, 2, "nothing but the original");
  refused({path("out"), "-o", "report.pdf"}, 2, "--out: expected a file that ends in .html");
  refused({}, 2, "RUN is required");
}

TEST_F(Report, GatesExitWith5AfterTheirResults) {
  const std::vector<std::string> eval = {"eval",         path("out"), "--text", kHeldOutText,
                                         "--max-tokens", "256",       "--ctx",  "128",
                                         "--reference",  kTinyModel,  "-q"};
  const auto with = [](std::vector<std::string> args, std::initializer_list<std::string> more) {
    args.insert(args.end(), more);
    return run_fptq(args);
  };
  EXPECT_EQ(with(eval, {"--max-kl", "50", "--max-ppl-increase", "100000%"}).code, 0);
  const Outcome growth = with(eval, {"--max-ppl-increase", "1%"});
  EXPECT_EQ(growth.code, 5);
  EXPECT_THAT(growth.out, HasSubstr("perplexity"));
  EXPECT_THAT(growth.err,
              testing::MatchesRegex("fptq: quality gate failed: .*out: perplexity grew by [0-9.]+ %, from "
                                    "[0-9.]+ to [0-9.]+, expected at most 1 %: [0-9.]+ points too much\n"));
  const Outcome share = with(eval, {"--max-ppl-increase", "0.01", "--max-kl", "0.0001"});
  EXPECT_EQ(share.code, 5);
  EXPECT_THAT(share.err, HasSubstr("mean KL divergence is"));
  EXPECT_THAT(share.err, HasSubstr("expected at most 1 %")) << "both are named";
  EXPECT_EQ(with(eval, {"--max-ppl-increase", "-1%"}).code, 2);
  EXPECT_THAT(with(eval, {"--max-ppl-increase", "lots"}).err, HasSubstr("found 'lots'"));
  EXPECT_THAT(run_fptq({"eval", path("out"), "--text", kHeldOutText, "--max-ppl-increase", "1%"}).err,
              HasSubstr("needs --reference"));

  const Outcome quantize = run_fptq(
      {"quantize", kTinyModel, path("gated"), "--method", "rtn", "-g", "32", "-q", "--max-kl", "0.001"});
  EXPECT_EQ(quantize.code, 5);
  EXPECT_TRUE(fs::exists(path("gated/model.safetensors"))) << "the result is there all the same";
  EXPECT_THAT(run_fptq({"quantize", kTinyModel, path("gated2"), "--no-eval", "--max-kl", "1"}).err,
              HasSubstr("contradict"));

  const std::vector<std::string> compare = {"compare",
                                            kTinyModel,
                                            "--methods",
                                            "rtn,rtn:bits=8",
                                            "--work",
                                            path("gates"),
                                            "--max-tokens",
                                            "256",
                                            "--ctx",
                                            "128",
                                            "-n",
                                            "4",
                                            "-g",
                                            "32",
                                            "-q"};
  const Outcome methods = with(compare, {"--max-kl", "0.05"});
  EXPECT_EQ(methods.code, 5);
  EXPECT_THAT(methods.out, HasSubstr("rtn:bits=8"));
  EXPECT_THAT(methods.err, HasSubstr("failed: rtn: mean KL"));
  EXPECT_THAT(methods.err, Not(HasSubstr("rtn:bits=8")));
  EXPECT_EQ(run_fptq({"compare", kTinyModel, path("out"), "--max-tokens", "256", "-n", "4", "-q", "--max-kl",
                      "0.001"})
                .code,
            5);
}

}  // namespace
}  // namespace fptq
