// The main job from end to end on the tiny model: quantize, verify, evaluate, compare, generate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file_io.h"
#include "base/json.h"
#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Quantized once for all tests that only read the result.
class Workflow : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    quantized_ =
        new Outcome(run_fptq({"quantize", kTinyModel, out(), "--calib", "random", "--nsamples", "4",
                              "--seqlen", "128", "--group_size", "64", "--json", "-q", "--no-eval"}));
  }
  static void TearDownTestSuite() {
    delete quantized_;
    delete folder_;
  }
  static std::string out() { return (*folder_ / "out").string(); }
  static inline TempFolder* folder_ = nullptr;
  static inline Outcome* quantized_ = nullptr;
};

TEST_F(Workflow, QuantizeReportsEveryInputAndMatrix) {
  ASSERT_EQ(quantized_->code, 0) << quantized_->err;
  EXPECT_THAT(quantized_->err, IsEmpty()) << "-q";
  const Json json = parse_json(quantized_->out, "report");
  EXPECT_EQ(json["schema"], "fptq.quantize.v1");
  EXPECT_EQ(json["inputs"].size(), 5u * 4);
  EXPECT_EQ(json["linears"].size(), 5u * 7);
  EXPECT_EQ(json["calibration_tokens"], 4 * 128);
  EXPECT_GT(json["source_bytes"], json["output_bytes"]);
}

TEST_F(Workflow, VerifyFindsItWhole) {
  const Outcome run = run_fptq({"verify", out()});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("ok: "));
}

TEST_F(Workflow, VerifyFindsOneChangedByte) {
  const std::string damaged = (*folder_ / "damaged").string();
  std::filesystem::copy(out(), damaged, std::filesystem::copy_options::recursive);
  const std::string path = damaged + "/model.safetensors";
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto at = static_cast<std::streamoff>(std::filesystem::file_size(path) - 100);
  char byte = 0;
  file.seekg(at).get(byte);
  file.seekp(at).put(static_cast<char>(byte ^ 0x10));
  file.close();
  const Outcome run = run_fptq({"verify", damaged});
  EXPECT_EQ(run.code, 6);
  EXPECT_THAT(run.err, HasSubstr("model.safetensors"));
  EXPECT_EQ(parse_json(run_fptq({"verify", damaged, "--json"}).out, "v")["ok"], false);
}

TEST_F(Workflow, OutputIsNotReplacedUnlessForced) {
  const std::vector<std::string> again = {"quantize", kTinyModel, out(), "--nsamples", "1",
                                          "--seqlen", "64",       "-q",  "--no-eval"};
  const Outcome refused = run_fptq(again);
  EXPECT_NE(refused.code, 0);
  EXPECT_THAT(refused.err, HasSubstr("exists already"));
  EXPECT_EQ(run_fptq({"verify", out()}).code, 0) << "the old result is untouched";
}

TEST_F(Workflow, EvaluationHasTheKeysThatOthersRelyOn) {
  const Outcome run = run_fptq({"eval", out(), "--text", kHeldOutText, "--reference", kTinyModel, "--ctx",
                                "256", "--max-tokens", "1024", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = parse_json(run.out, "eval");
  EXPECT_EQ(json["tokens"], 1024);
  EXPECT_EQ(json["scored"], 4 * 255);
  EXPECT_GT(json["perplexity"].get<double>(), 1.0);
  EXPECT_GT(json["kl"]["mean"].get<double>(), 0.0);
  EXPECT_GE(json["kl"]["p99"], json["kl"]["mean"]);
  EXPECT_GT(json["top1"].get<double>(), 0.5);
}

TEST_F(Workflow, QualityGateDecidesTheExitCode) {
  const std::vector<std::string> eval = {"eval",        out(),      "--text",       kHeldOutText,
                                         "--reference", kTinyModel, "--max-tokens", "256"};
  const auto with_limit = [&](const char* limit) {
    std::vector<std::string> args = eval;
    args.insert(args.end(), {"--max-kl", limit});
    return run_fptq(args);
  };
  EXPECT_EQ(with_limit("100").code, 0);
  const Outcome failed = with_limit("0");
  EXPECT_EQ(failed.code, 5);
  EXPECT_THAT(failed.err, HasSubstr("mean KL divergence"));
  EXPECT_THAT(failed.out, HasSubstr("perplexity")) << "the result is printed all the same";
}

TEST_F(Workflow, CompareShowsBothModels) {
  const Outcome run = run_fptq(
      {"compare", kTinyModel, out(), "--max-tokens", "512", "--prompt", "Once upon a time", "-n", "8"});
  ASSERT_EQ(run.code, 0) << run.err;
  for (const char* row : {"size ", "perplexity ", "KL divergence, mean", "top-1 agreement",
                          "decode, tokens/s", "peak memory", "original answers:", "quantized answers:"}) {
    EXPECT_THAT(run.out, HasSubstr(row));
  }
}

TEST_F(Workflow, InspectShowsSchemes) {
  const Outcome run = run_fptq({"inspect", out()});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("model.layers.4.mlp.down_proj"));
  EXPECT_THAT(run.out, HasSubstr("int4"));
}

TEST_F(Workflow, QuantizedModelIsNotQuantizedAgain) {
  const Outcome run = run_fptq({"quantize", out(), (*folder_ / "twice").string(), "-q"});
  EXPECT_EQ(run.code, 3);
  EXPECT_THAT(run.err, HasSubstr("quantized"));
  EXPECT_FALSE(std::filesystem::exists(*folder_ / "twice"));
}

TEST(Quantize, DryRunPrintsThePlanAndWritesNothing) {
  const TempFolder folder;
  const std::string out = (folder / "out").string();
  const Outcome run = run_fptq({"quantize", kTinyModel, out, "--dry-run"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("5 layers"));
  EXPECT_THAT(run.out, HasSubstr("mlp.down_proj"));
  EXPECT_FALSE(std::filesystem::exists(out));
  EXPECT_EQ(
      parse_json(run_fptq({"quantize", kTinyModel, out, "--dry-run", "--json"}).out, "p")["matrices"].size(),
      35u);
}

TEST(Quantize, DryRunFollowsTheScheme) {
  const auto plan = [](std::vector<std::string> options) {
    std::vector<std::string> args = {"quantize", kTinyModel, "never-made", "--dry-run", "--json"};
    args.insert(args.end(), options.begin(), options.end());
    return parse_json(run_fptq(args).out, "p");
  };
  const Json usual = plan({}), eight = plan({"--scheme", "w8a16"}), data_free = plan({"--method", "rtn"});
  EXPECT_EQ(usual["scheme"], "w4a8");
  EXPECT_EQ(eight["scheme"], "w8a16");
  EXPECT_EQ(eight["matrices"][0]["bits"], 8);
  EXPECT_EQ(eight["matrices"][0]["group_size"], 0);
  EXPECT_GT(eight["output_bytes"], usual["output_bytes"]);
  EXPECT_EQ(data_free["calibration_tokens"], 0);
  EXPECT_GT(plan({"--method", "rtn", "--scheme", "w8a8-static"})["calibration_tokens"], 0);
}

TEST(Quantize, SchemeReachesTheCheckpointAndItsPapers) {
  const TempFolder folder;
  const std::string out = (folder / "out").string();
  const Outcome run = run_fptq({"quantize", kTinyModel, out, "--method", "awq", "--scheme", "w4a16", "-g",
                                "32", "--nsamples", "2", "--seqlen", "64", "--json", "-q", "--no-eval"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json report = parse_json(run.out, "report");
  EXPECT_EQ(report["scheme"], "w4a16");
  for (const Json& input : report["inputs"]) EXPECT_EQ(input["activation"], "float");
  const auto file = [&](const char* name) { return read_text_file(out + "/" + name); };
  const Json groups = parse_json(file("config.json"), "c")["quantization_config"]["config_groups"];
  for (const auto& [name, group] : groups.items()) EXPECT_TRUE(group["input_activations"].is_null()) << name;
  EXPECT_EQ(parse_json(file("fptq_recipe.json"), "r")["scheme"], "w4a16");
  EXPECT_THAT(file("README.md"), HasSubstr("quantized to W4A16"));
  EXPECT_EQ(run_fptq({"verify", out}).code, 0);
  EXPECT_EQ(run_fptq({"eval", out, "--text", kHeldOutText, "--max-tokens", "256"}).code, 0);
}

TEST(Quantize, SummaryExplainsAndNamesWhatToDoNext) {
  const TempFolder folder;
  const std::string out = (folder / "it's here").string();
  const Outcome run =
      run_fptq({"quantize", kTinyModel, out, "--nsamples", "2", "--seqlen", "64", "--explain"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("layer  input"));
  EXPECT_THAT(run.out, HasSubstr("times smaller"));
  EXPECT_THAT(run.out, HasSubstr("perplexity"));
  EXPECT_THAT(run.out, HasSubstr("worst layers"));
  EXPECT_THAT(run.out, HasSubstr("fptq verify '" + (folder / "it").string() + "'\\''s here'"));
  EXPECT_THAT(run.err, HasSubstr("memory")) << "the plan comes before the work";
}

class QuantizeHead : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Bits, QuantizeHead, testing::Values("int8", "int4"));

TEST_P(QuantizeHead, IsPricedAndRuns) {
  const TempFolder folder;
  const std::string out = (folder / "out").string();
  const Outcome run = run_fptq({"quantize", kTinyModel, out, "--calib", "random", "--nsamples", "4",
                                "--seqlen", "128", "--head", GetParam(), "--json", "-q"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = parse_json(run.out, "report");
  EXPECT_EQ(json["linears"].size(), 5u * 7 + 1);
  EXPECT_GT(json["head_kl"], 0.0);
  EXPECT_LT(json["head_kl"], json["evaluation"]["kl"]["mean"]);
  const Outcome text = run_fptq({"generate", out, "Once upon a time", "-n", "8"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_EQ(run_fptq({"verify", out}).code, 0);
}

// transformers 5, float32 weights and arithmetic, log-softmax in float64, on the first 2,048 tokens.
TEST(Eval, PerplexityEqualsTransformers) {
  const Outcome run = run_fptq(
      {"eval", kTinyModel, "--text", kHeldOutText, "--ctx", "256", "--max-tokens", "2048", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = parse_json(run.out, "eval");
  EXPECT_EQ(json["scored"], 2040);
  EXPECT_NEAR(json["perplexity"].get<double>(), 24.582334315, 24.6e-4);
  EXPECT_NEAR(json["perplexity_stderr"].get<double>(), 1.500312506, 1.5e-3);
}

TEST_F(Workflow, SavedPredictionsTakeTheReferencesPlace) {
  const std::string file = (*folder_ / "original.predictions").string();
  const auto evaluate = [&](const std::string& model, const std::vector<std::string>& more) {
    std::vector<std::string> args = {"eval", model, "--text", kHeldOutText, "--json"};
    if (!std::ranges::count(more, "--max-tokens")) args.insert(args.end(), {"--max-tokens", "1024"});
    args.insert(args.end(), more.begin(), more.end());
    return run_fptq(args);
  };
  const Outcome saving = evaluate(kTinyModel, {"--ctx", "128", "--save-predictions", file, "--top-k", "32"});
  ASSERT_EQ(saving.code, 0) << saving.err;
  const Json live = parse_json(evaluate(out(), {"--ctx", "128", "--reference", kTinyModel}).out, "eval");
  const Json saved = parse_json(evaluate(out(), {"--reference", file}).out, "eval");
  EXPECT_EQ(saved["reference_top_k"], 32);
  EXPECT_EQ(saved["reference"], kTinyModel);
  EXPECT_EQ(saved["tokens"], live["tokens"]);
  EXPECT_EQ(saved["perplexity"], live["perplexity"]);
  EXPECT_EQ(saved["top1"], live["top1"]);
  EXPECT_NEAR(saved["reference_perplexity"], live["reference_perplexity"], 1e-4);
  const double exact = live["kl"]["mean"], bound = saved["kl"]["mean"];
  EXPECT_LE(bound, exact);
  EXPECT_GT(bound, 0.9 * exact);
  EXPECT_EQ(evaluate(out(), {"--reference", file, "--max-kl", std::to_string(bound / 2)}).code, 5);

  const auto refuses = [&](const std::vector<std::string>& more, const char* words) {
    const Outcome run = evaluate(out(), more);
    EXPECT_EQ(run.code, 2) << run.out;
    EXPECT_THAT(run.err, HasSubstr(words));
  };
  refuses({"--reference", file, "--ctx", "64"}, "the predictions were saved with 128");
  refuses({"--reference", file, "--max-tokens", "512"}, "was saved of 1024 tokens, the text has 512");
  refuses({"--top-k", "5"}, "needs --save-predictions");
  refuses({"--save-predictions", file}, "exists already");
  const Outcome other =
      run_fptq({"eval", out(), "--text", folder_->write("other.txt", std::string(9000, 'x')).string(),
                "--reference", file});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("was saved of another text: its token 0 is"));
}

TEST(Eval, ThreadsAndLocaleChangeNothing) {
  const auto evaluate = [](const char* threads, const char* locale) {
    const Outcome run =
        run_fptq({"eval", kTinyModel, "--text", kHeldOutText, "--max-tokens", "512", "--json", "-t", threads},
                 "", {locale});
    Json json = parse_json(run.out, "eval");
    json.erase("timing");
    return json;
  };
  const Json one = evaluate("1", "LC_ALL=C");
  EXPECT_EQ(evaluate("3", "LC_ALL=C"), one);
  EXPECT_EQ(evaluate("2", "LC_ALL=de_DE.UTF-8"), one);
}

TEST(Generate, StreamsTheSameTextThatJsonReports) {
  const std::vector<std::string> args = {"generate", kTinyModel, "Once upon a time", "-n", "24"};
  const Outcome streamed = run_fptq(args);
  ASSERT_EQ(streamed.code, 0) << streamed.err;
  EXPECT_GT(streamed.out.size(), 20u);
  std::vector<std::string> as_json = args;
  as_json.push_back("--json");
  const Json json = parse_json(run_fptq(as_json).out, "generate");
  EXPECT_EQ(json["text"].get<std::string>() + "\n", streamed.out);
  EXPECT_EQ(json["new_tokens"], 24);
}

TEST(Generate, PromptMayComeFromStandardInput) {
  const Outcome typed = run_fptq({"generate", kTinyModel, "Once upon a time", "-n", "8"});
  const Outcome piped = run_fptq({"generate", kTinyModel, "-", "-n", "8"}, "Once upon a time");
  EXPECT_EQ(piped.code, 0) << piped.err;
  EXPECT_EQ(piped.out, typed.out);
}

TEST(Tokenize, LinesGoBothWays) {
  const std::string lines = "\"Once upon a time\"\n\"caf\\u00e9 \\ud83c\\udf0d\"\n\"\"\n";
  const Outcome ids = run_fptq({"tokenize", kTinyModel}, lines);
  ASSERT_EQ(ids.code, 0) << ids.err;
  EXPECT_EQ(std::count(ids.out.begin(), ids.out.end(), '\n'), 3);
  const Outcome text = run_fptq({"tokenize", kTinyModel, "--decode"}, ids.out);
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_EQ(text.out, "\"Once upon a time\"\n\"caf\xc3\xa9 \xf0\x9f\x8c\x8d\"\n\"\"\n");
}

TEST(Tokenize, DecodingShowsSpecialTokensUnlessToldOtherwise) {
  const Outcome ids = run_fptq({"tokenize", kTinyModel, "--add-special"}, "\"Once\"\n");
  const Outcome all = run_fptq({"tokenize", kTinyModel, "--decode"}, ids.out);
  EXPECT_THAT(all.out, HasSubstr("<s>"));
  const Outcome skipped = run_fptq({"tokenize", kTinyModel, "--decode", "--skip-special"}, ids.out);
  EXPECT_EQ(skipped.out, "\"Once\"\n");
}

TEST(Tokenize, TheTokenizerItselfIsPrinted) {
  const Outcome run = run_fptq({"tokenize", kTinyModel, "--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out, slurp(std::filesystem::path(kTinyModel) / "tokenizer.json"));
}

TEST(Tokenize, BadLinesAreNamed) {
  const Outcome run = run_fptq({"tokenize", kTinyModel}, "\"fine\"\n[1]\n");
  EXPECT_EQ(run.code, 3);
  EXPECT_THAT(run.err, HasSubstr("line 2"));
}

}  // namespace
}  // namespace fptq
