// Every scheme from end to end on the tiny model: the plan, quantize, verify, inspect, eval, generate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file_io.h"
#include "base/json.h"
#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;

struct Case {
  const char* scheme;
  const char* form;     // of a matrix with 64 inputs, as inspect and reports name it
  double worst_kl;      // measured ones times about 1.5
  const char* warning;  // what the user is told, null: nothing
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.scheme;
}

class Schemes : public testing::TestWithParam<Case> {
 protected:
  static std::vector<std::string> quantize(const std::string& out, const std::vector<std::string>& more) {
    std::vector<std::string> args = {"quantize",        kTinyModel,   out, "--method", "rtn", "--scheme",
                                     GetParam().scheme, "--nsamples", "2", "--seqlen", "64",  "-q"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
};

INSTANTIATE_TEST_SUITE_P(
    , Schemes,
    testing::Values(
        Case{"w4a8", "int4 g64 sym", 0.38, nullptr}, Case{"w4a8-llama", "int4 g32 sym", 0.33, nullptr},
        Case{"w4a8-token", "int4 g64 sym", 0.38, nullptr}, Case{"w4a8-static", "int4 g64 sym", 0.42, nullptr},
        Case{"w4a16", "int4 g64 sym", 0.38, nullptr}, Case{"w8a8", "int8 row sym", 0.004, nullptr},
        Case{"w8a8-token", "int8 row sym", 0.004, nullptr},
        Case{"w8a8-static", "int8 row sym", 0.045, nullptr}, Case{"w8a16", "int8 row sym", 0.0015, nullptr},
        Case{"w3a8", "int3 g64 sym", 2, nullptr}, Case{"w3a16", "int3 g64 sym", 2, nullptr},
        Case{"w4a4-static", "int4 g64 sym", 3.5, "w4a8 is as small"},
        Case{"fp8", "fp8_e4m3 channel", 0.03, nullptr}, Case{"fp8-static", "fp8_e4m3 channel", 0.04, nullptr},
        Case{"fp8-a16", "fp8_e4m3 channel", 0.02, nullptr},
        Case{"fp8-e5m2-a16", "fp8_e5m2 channel", 0.08, "no other program"},
        Case{"nf4", "nf4 g64 dq", 0.28, nullptr}));

TEST_P(Schemes, GoesAllTheWay) {
  const TempFolder folder;
  const std::string out = (folder / "out").string();
  const Json plan = parse_json(run_fptq(quantize(out, {"--dry-run", "--json"})).out, "plan");
  EXPECT_EQ(plan["matrices"][0]["form"], GetParam().form);

  const Outcome made = run_fptq(quantize(out, {"--json"}));
  ASSERT_EQ(made.code, 0) << made.err;
  const Json report = parse_json(made.out, "report");
  EXPECT_EQ(report["scheme"], GetParam().scheme);
  EXPECT_EQ(report["linears"][0]["form"], GetParam().form);
  EXPECT_LT(report["evaluation"]["kl"]["mean"], GetParam().worst_kl);
  const std::string card = read_text_file(out + "/README.md");
  for (const Json& told : {plan["warnings"], report["warnings"]}) {
    if (GetParam().warning == nullptr) {
      EXPECT_TRUE(told.empty()) << told;
    } else {
      ASSERT_EQ(told.size(), 1u);
      EXPECT_THAT(told[0].get<std::string>(), HasSubstr(GetParam().warning));
      EXPECT_THAT(card, HasSubstr(GetParam().warning));
    }
  }

  // The plan against what was written, without the file's own directory of names.
  const std::string file = out + "/model.safetensors";
  uint64_t header = 0;
  std::ifstream(file, std::ios::binary).read(reinterpret_cast<char*>(&header), 8);
  const double written = static_cast<double>(std::filesystem::file_size(file) - 8 - header);
  EXPECT_NEAR(plan["output_bytes"].get<double>(), written, 0.01 * written);

  EXPECT_EQ(run_fptq({"verify", out}).code, 0);
  EXPECT_THAT(run_fptq({"inspect", out}).out, HasSubstr(GetParam().form));
  const Outcome evaluated = run_fptq(
      {"eval", out, "--text", kHeldOutText, "--reference", kTinyModel, "--max-tokens", "512", "--json"});
  ASSERT_EQ(evaluated.code, 0) << evaluated.err;
  EXPECT_LT(parse_json(evaluated.out, "eval")["kl"]["mean"], GetParam().worst_kl);
  EXPECT_EQ(run_fptq({"generate", out, "Once upon a time", "-n", "4"}).code, 0);
}

TEST_P(Schemes, AHeadOfFewBitsGoesAlongOrIsRefusedInALine) {
  const TempFolder folder;
  const std::string out = (folder / "out").string();
  const Outcome run = run_fptq(quantize(out, {"--head", "int8", "--no-eval", "--json"}));
  if (std::string(GetParam().scheme) == "nf4") {
    EXPECT_EQ(run.code, 2);
    EXPECT_THAT(run.err, HasSubstr("int8 cannot stand beside scheme nf4"));
    return;
  }
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(parse_json(run.out, "report")["linears"].back()["form"], "int8 row sym");
  EXPECT_EQ(run_fptq({"verify", out}).code, 0);
  EXPECT_EQ(run_fptq({"generate", out, "Once upon a time", "-n", "4"}).code, 0);
}

TEST(SchemesInCompare, StandSideBySide) {
  const TempFolder folder;
  const Outcome run =
      run_fptq({"compare", kTinyModel, "--methods",
                "rtn:scheme=fp8,rtn:scheme=nf4,rtn:scheme=w3a16,rtn:scheme=w4a8-llama,rtn:per-tensor",
                "--work", (folder / "work").string(), "--text", kHeldOutText, "--max-tokens", "256", "--ctx",
                "128", "-n", "4", "--json", "-q"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json rows = parse_json(run.out, "compare")["methods"];
  std::vector<std::string> schemes;
  for (const Json& row : rows) schemes.push_back(row["scheme"]);
  EXPECT_THAT(schemes, testing::ElementsAre("W8A8 fp8_e4m3 row token", "W4A16 nf4 g64",
                                            testing::MatchesRegex("W3A16 g64[+]row sym"),
                                            testing::MatchesRegex("W4A8 g32[+]row sym token"),
                                            "W4A8 tensor sym token"));
}

}  // namespace
}  // namespace fptq
