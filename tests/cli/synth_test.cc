// fptq synth: what it writes is a whole model that runs, the same for the same seed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

Outcome synth(const std::string& out, const std::vector<std::string>& more = {}) {
  std::vector<std::string> args = {"synth", out, "--shape", "smollm2-135m", "--layers", "3", "--json", "-q"};
  args.insert(args.end(), more.begin(), more.end());
  return run_fptq(args);
}

Json inspect(const std::string& model) {
  return parse_json(run_fptq({"inspect", model, "--json", "--no-values"}).out, "inspect");
}

TEST(Synth, QuantizedModelIsWholeAndSpeaks) {
  const TempFolder folder;
  const std::string out = (folder / "m").string();
  const Outcome run = synth(out);
  ASSERT_EQ(run.code, 0) << run.err;
  const Json report = parse_json(run.out, "synth");
  EXPECT_EQ(report["schema"], "fptq.synth.v1");
  EXPECT_EQ(report["tokenizer_vocab"], 1024);
  EXPECT_EQ(run_fptq({"verify", out}).code, 0);
  EXPECT_FALSE(std::filesystem::exists(out + ".partial"));

  const Json seen = inspect(out);
  EXPECT_EQ(seen["parameters"], report["parameters"]);
  EXPECT_EQ(seen["config"]["vocab_size"], 49152);
  int fixed = 0, token = 0;
  for (const Json& tensor : seen["tensors"]) {
    const std::string input = tensor["activation"];
    fixed += input.starts_with("static") ? 1 : 0;
    token += input == "token" ? 1 : 0;
  }
  EXPECT_EQ(fixed, 20) << "all but one of 21";
  EXPECT_EQ(token, 1) << "the third down_proj";

  // eval refuses logits that are not finite; weights that mean nothing are at best as good as guessing.
  const Outcome eval = run_fptq({"eval", out, "--text", kHeldOutText, "--max-tokens", "64", "--json"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  EXPECT_GT(parse_json(eval.out, "eval")["perplexity"].get<double>(), 1024);

  const Json text =
      parse_json(run_fptq({"generate", out, "The fox", "-n", "16", "--ignore-eos", "--json"}).out, "g");
  EXPECT_EQ(text["new_tokens"], 16);
  EXPECT_THAT(text["text"].get<std::string>(), SizeIs(testing::Ge(16u))) << "every id has a text";
}

TEST(Synth, TheSeedAloneDecidesTheBytes) {
  const TempFolder folder;
  const auto weights = [&](const char* name, const std::vector<std::string>& options) {
    const std::string out = (folder / name).string();
    EXPECT_EQ(synth(out, options).code, 0);
    return slurp(out + "/model.safetensors");
  };
  const std::string one = weights("a", {"--seed", "7", "-t", "1"});
  EXPECT_TRUE(one == weights("b", {"--seed", "7", "-t", "3"})) << "threads";
  EXPECT_FALSE(one == weights("c", {"--seed", "8"}));
}

TEST(Synth, PlainAndAsymmetricModelsAreWhole) {
  const TempFolder folder;
  const std::string plain = (folder / "plain").string(), asym = (folder / "asym").string();
  ASSERT_EQ(synth(plain, {"--scheme", "bf16"}).code, 0);
  ASSERT_EQ(synth(asym, {"--asym", "--group-size", "64"}).code, 0);
  EXPECT_EQ(inspect(plain)["format"], "huggingface");
  EXPECT_THAT(inspect(asym).dump(), HasSubstr("int4 g64 asym"));
  const std::string head8 = (folder / "head8").string(), head4 = (folder / "head4").string();
  ASSERT_EQ(synth(head8, {"--head", "int8"}).code, 0);
  ASSERT_EQ(synth(head4, {"--head", "int4", "--asym", "--group-size", "32"}).code, 0);
  for (const std::string& out : {plain, asym, head8, head4}) {
    EXPECT_EQ(run_fptq({"verify", out}).code, 0);
    EXPECT_EQ(run_fptq({"generate", out, "The fox", "-n", "2"}).code, 0);
  }
}

TEST(Synth, RefusesWhatItCannotDo) {
  const TempFolder folder;
  const std::string out = (folder / "m").string();
  EXPECT_THAT(run_fptq({"synth", out}).err, HasSubstr("--shape: is missing"));
  EXPECT_THAT(run_fptq({"synth", out, "--shape", "gpt-5"}).err, HasSubstr("llama-3.2-1b"));
  EXPECT_THAT(synth(out, {"--scheme", "bf16", "--asym"}).err, HasSubstr("no zero points"));
  EXPECT_THAT(synth(out, {"--scheme", "bf16", "--head", "int8"}).err, HasSubstr("no quantized head"));
  EXPECT_FALSE(std::filesystem::exists(out));
  std::filesystem::create_directory(out);
  EXPECT_EQ(synth(out).code, 4) << "exists already";
}

}  // namespace
}  // namespace fptq
