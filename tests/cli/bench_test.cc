// fptq bench: every combination is there, the figures hang together, and all forms say the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Outcome bench(const std::vector<std::string>& more) {
  std::vector<std::string> args = {"bench", kTinyModel, "--prompt", "40", "--gen", "4", "-q"};
  args.insert(args.end(), more.begin(), more.end());
  return run_fptq(args);
}

int64_t lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

TEST(Bench, MeasuresEveryCombination) {
  const Outcome run = bench({"--threads", "1,2", "--batch", "1,3", "--kv", "f32,f16,int8,fp8", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = parse_json(run.out, "bench");
  EXPECT_EQ(json["schema"], "fptq.bench.v1");
  EXPECT_EQ(json["model"], kTinyModel);
  EXPECT_TRUE(json["machine"].contains("isa"));
  ASSERT_EQ(json["runs"].size(), 16u);
  size_t i = 0;
  for (const int threads : {1, 2}) {
    for (const int batch : {1, 3}) {
      for (const char* kv : {"f32", "f16", "int8", "fp8"}) {
        const Json& r = json["runs"][i++];
        EXPECT_EQ(r["threads"], threads);
        EXPECT_EQ(r["batch"], batch);
        EXPECT_EQ(r["kv"], kv);
        EXPECT_EQ(r["prompt"], 40);
        EXPECT_EQ(r["gen"], 4);
        EXPECT_GT(r["decode_tokens_per_s"].get<double>(), 0);
        EXPECT_GE(r["decode_tokens_per_s_deviation"].get<double>(), 0);
        EXPECT_GT(r["load_s"].get<double>(), 0);
        // The first token comes after the prompts of the whole batch. Means of rates are no less than the
        // rate of the means.
        EXPECT_GE(r["first_token_s"].get<double>() * r["prefill_tokens_per_s"].get<double>(),
                  40 * batch * 0.999);
        EXPECT_GT(r["peak_rss_bytes"].get<int64_t>(), 1 << 20);
      }
    }
  }
}

TEST(Bench, FormsForPeopleAndSpreadsheets) {
  const Outcome csv = bench({"--threads", "1", "--batch", "1,2", "--repeats", "1", "--csv"});
  ASSERT_EQ(csv.code, 0) << csv.err;
  EXPECT_THAT(csv.out, StartsWith("model,cpu,isa,threads,batch,kv,prompt,gen,prefill_tokens_per_s,"));
  EXPECT_EQ(lines(csv.out), 3);
  EXPECT_THAT(bench({"--threads", "1", "--md"}).out, HasSubstr("\n| 1 | 1 | f32 | 40 | 4 | "));
  EXPECT_THAT(bench({"--threads", "1"}).out, HasSubstr("decode, tokens/s"));
}

TEST(Bench, RefusesWhatItCannotDo) {
  EXPECT_THAT(bench({"--kv", "int4"}).err,
              HasSubstr("--kv: expected some of f32,f16,int8,fp8, found 'int4'"));
  EXPECT_THAT(bench({"--batch", "0"}).err, HasSubstr("--batch"));
  EXPECT_THAT(bench({"--json", "--csv"}).err, HasSubstr("contradict"));
  const std::vector<std::string> whole = {"bench", kTinyModel, "-p", "500", "-r", "1", "-t", "1", "-q", "-n"};
  const auto with_gen = [&](const char* gen) {
    std::vector<std::string> args = whole;
    args.emplace_back(gen);
    return run_fptq(args);
  };
  const Outcome long_answer = with_gen("13");
  EXPECT_EQ(long_answer.code, 2);
  EXPECT_THAT(long_answer.err, HasSubstr("maximum of 512"));
  EXPECT_EQ(with_gen("12").code, 0) << "as long as it goes";
}

}  // namespace
}  // namespace fptq
