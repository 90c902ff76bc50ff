// `--embeddings int8`: a scale for each vocabulary entry, looked up in 8 bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;

class Embeddings : public testing::Test {
 protected:
  Outcome quantize(const std::vector<std::string>& more) const {
    std::vector<std::string> args = {"quantize", kTinyModel, out(), "--method", "rtn", "-q", "--json"};
    args.insert(args.end(), more.begin(), more.end());
    return run_fptq(args);
  }
  // Tensors of the result by name.
  Json tensors() const {
    const Json model = parse_json(run_fptq({"inspect", out(), "--json"}).out, "inspect");
    Json all = Json::object();
    for (const Json& t : model["tensors"]) all[t["name"].get<std::string>()] = t;
    return all;
  }
  std::string out() const { return (folder_ / "out").string(); }

  TempFolder folder_;
};

TEST_F(Embeddings, AreStoredAndLookedUpInEightBits) {
  const Outcome run = quantize({"--scheme", "w8a16", "--embeddings", "int8"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json report = parse_json(run.out, "report");
  EXPECT_EQ(report["linears"][35]["module"], "model.embed_tokens");
  EXPECT_EQ(report["linears"][36]["module"], "lm_head") << "which was tied to them";
  const double kl = report["evaluation"]["kl"]["mean"];
  EXPECT_GT(kl, 0);
  EXPECT_LT(kl, 0.003);

  const Json stored = tensors();
  EXPECT_EQ(stored["model.embed_tokens.weight"]["dtype"], "int8 row sym");
  EXPECT_EQ(stored["model.embed_tokens.weight"]["activation"], "");
  EXPECT_EQ(stored["lm_head.weight"]["dtype"], "int8 row sym");
  EXPECT_EQ(run_fptq({"verify", out()}).code, 0);
  EXPECT_EQ(run_fptq({"generate", out(), "Once upon a time", "-n", "4"}).code, 0);
  // The engine finds what the pipeline measured along the way.
  const Outcome evaluated = run_fptq({"eval", out(), "--text", kHeldOutText, "--reference", kTinyModel,
                                      "--max-tokens", "4096", "--ctx", "512", "--json"});
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  EXPECT_NEAR(parse_json(evaluated.out, "eval")["kl"]["mean"], kl, 0.2 * kl);
}

TEST_F(Embeddings, LeaveAHeadThatIsKeptBesideThem) {
  ASSERT_EQ(quantize({"--embeddings", "int8", "--head", "keep", "--no-eval"}).code, 0);
  const Json stored = tensors();
  EXPECT_EQ(stored["model.embed_tokens.weight"]["dtype"], "int8 row sym");
  EXPECT_EQ(stored["lm_head.weight"]["dtype"], "F32");
  EXPECT_EQ(run_fptq({"verify", out()}).code, 0);
}

TEST_F(Embeddings, AreThePresetOfMeta) {
  ASSERT_EQ(quantize({"--scheme", "w4a8-llama", "--no-eval"}).code, 0);
  EXPECT_EQ(tensors()["model.embed_tokens.weight"]["dtype"], "int8 row sym");
  const Json recipe = parse_json(slurp(folder_ / "out" / "fptq_recipe.json"), "recipe");
  EXPECT_EQ(recipe["embeddings"], "int8");
  EXPECT_EQ(recipe["head"], "int8");
  EXPECT_THAT(slurp(folder_ / "out" / "README.md"), HasSubstr("| embeddings | INT8"));
}

TEST_F(Embeddings, CannotBeBothIgnoredAndQuantized) {
  const std::string recipe = folder_.write("r.yaml", "ignore: [model.embed_tokens]\n").string();
  EXPECT_THAT(quantize({"--recipe", recipe, "--embeddings", "int8"}).err,
              HasSubstr("model.embed_tokens is ignored, but --embeddings asks for int8"));
  ASSERT_EQ(quantize({"--recipe", recipe, "--scheme", "w4a8-llama", "--no-eval"}).code, 0);
  EXPECT_EQ(tensors()["model.embed_tokens.weight"]["dtype"], "F32");
  EXPECT_THAT(quantize({"--scheme", "nf4", "--embeddings", "int8", "--force"}).err,
              HasSubstr("int8 cannot stand beside scheme nf4"));
}

}  // namespace
}  // namespace fptq
