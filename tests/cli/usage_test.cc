// What a user sees who types something wrong: exit code 2 and one line that says what to type instead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run_fptq.h"

namespace fptq {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct Mistake {
  std::vector<std::string> args;
  std::string complaint;
};

class UsageMistake : public testing::TestWithParam<Mistake> {};

TEST_P(UsageMistake, ExitsWith2AndOneLine) {
  const Outcome run = run_fptq(GetParam().args);
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_THAT(run.err, StartsWith("fptq: "));
  EXPECT_THAT(run.err, HasSubstr(GetParam().complaint));
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  EXPECT_FALSE(std::filesystem::exists("never-made"));
}

std::vector<std::string> quantize(std::vector<std::string> options) {
  std::vector<std::string> args = {"quantize", kTinyModel, "never-made", "--quiet"};
  args.insert(args.end(), options.begin(), options.end());
  return args;
}

INSTANTIATE_TEST_SUITE_P(
    Commands, UsageMistake,
    testing::Values(
        Mistake{{}, "no command given"}, Mistake{{"quantise"}, "did you mean 'quantize'?"},
        Mistake{{"frobnicate"}, "unknown command 'frobnicate' (see 'fptq --help')"},
        Mistake{{"--hepl"}, "unknown option '--hepl' (did you mean '--help'?)"},
        Mistake{{"quantize"}, "MODEL is required"}, Mistake{{"quantize", "m"}, "OUT is required"},
        Mistake{{"quantize", "m", "o", "p"}, "unexpected argument 'p'"},
        Mistake{{"eval", kTinyModel}, "--text: is missing"},
        Mistake{{"eval", kTinyModel, "--text", kHeldOutText, "--ctx", "1"}, "--ctx: expected"},
        Mistake{{"eval", kTinyModel, "--text", kHeldOutText, "--ctx", "513"}, "513"},
        Mistake{{"eval", kTinyModel, "--text", kHeldOutText, "--max-kl", "1"}, "needs --reference"},
        Mistake{{"eval", kTinyModel, "--text", kHeldOutText, "--kv", "int4"}, "auto, f32, f16, int8, fp8"},
        Mistake{{"generate", kTinyModel, "hi", "--temp", "-1"}, "--temp: expected a number"},
        Mistake{{"generate", kTinyModel, "hi", "--temp", "nan"}, "found 'nan'"},
        Mistake{{"generate", kTinyModel, "hi", "--top-p", "1.5"}, "--top-p: expected a number from 0 to 1"},
        Mistake{{"generate", kTinyModel, "hi", "--system", "s"}, "needs --chat"},
        Mistake{{"tokenize", kTinyModel, "--decode", "--add-special"}, "contradict"}));

INSTANTIATE_TEST_SUITE_P(
    QuantizeOptions, UsageMistake,
    testing::Values(
        Mistake{quantize({"--grop-size", "64"}), "did you mean '--group-size'?"},
        Mistake{quantize({"--xyzzy"}), "unknown option '--xyzzy' (see"},
        Mistake{quantize({"--bits", "0"}), "--bits: expected a whole number from 3 to 8, found '0'"},
        Mistake{quantize({"--bits", "9"}), "found '9'"}, Mistake{quantize({"--bits", "4.5"}), "found '4.5'"},
        Mistake{quantize({"--bits"}), "--bits: needs a value"},
        Mistake{quantize({"--bits", "4", "--bits=4"}), "--bits: given 2 times"},
        Mistake{quantize({"--v0", "1", "--static-threshold", "1"}), "--static-threshold: given 2 times"},
        Mistake{quantize({"--asym", "--asym"}), "--asym: given 2 times"},
        Mistake{quantize({"--group-size", "0"}), "--group-size"},
        Mistake{quantize({"--group-size", "-2"}), "found '-2'"},
        Mistake{quantize({"--group-size", "3"}), "group"},
        Mistake{quantize({"--group_size", "2147483648"}), "--group-size"},
        Mistake{quantize({"--nsamples", "0"}), "--nsamples"},
        Mistake{quantize({"--nsamples", "-1"}), "found '-1'"},
        Mistake{quantize({"--nsamples", "1000000000"}), "--nsamples"},
        Mistake{quantize({"--seqlen", "513"}), "512"},
        Mistake{quantize({"--seed", "18446744073709551616"}), "found '18446744073709551616'"},
        Mistake{quantize({"--seed", "-1"}), "--seed"}, Mistake{quantize({"--v0", "nan"}), "found 'nan'"},
        Mistake{quantize({"--method", "fptq", "--v0", "200"}), "200 is above --dynamic-threshold, 150"},
        Mistake{quantize({"--threads", "0"}), "--threads"},
        Mistake{quantize({"-t", "1000000"}), "--threads: expected a whole number from 1 to 1024"},
        Mistake{quantize({"--method", "spqr"}), "--method: expected"},
        Mistake{quantize({"--scheme", "w2a2"}), "--scheme: expected w4a8, "},
        Mistake{quantize({"--bits", "5"}), "weight bits: is 5, expected 3, 4 or 8"},
        Mistake{quantize({"--alpha", "0.5"}), "--alpha: is SmoothQuant's, found method auto"},
        Mistake{quantize({"--v1", "200"}), "--dynamic-threshold: is FPTQ's, found method auto"},
        Mistake{quantize({"--method", "smoothquant", "--alpha", "2"}), "from 0 to 1 or search, found '2'"},
        Mistake{quantize({"--observer", "mse"}), "mse finds static scales"},
        Mistake{quantize({"--observer", "max"}), "--observer: expected minmax, percentile, mse"},
        Mistake{quantize({"--percentile", "99"}), "needs --observer percentile"},
        Mistake{quantize({"--method", "static", "--scheme", "w8a16"}), "scheme w8a16 has none"},
        Mistake{quantize({"--sym", "--asym"}), "contradict"},
        Mistake{quantize({"--no-eval", "--eval-text", "x"}), "contradict"},
        Mistake{quantize({"--dry-run", "--explain"}), "contradict"}, Mistake{quantize({"-v"}), "contradict"},
        Mistake{quantize({"--calib-random-windows"}), "needs --calib"},
        Mistake{quantize({"--calib", "random", "--calib-random-windows"}), "expected a file"},
        Mistake{quantize({"--calib", ""}), "--calib: is empty"}));

TEST(Usage, HelpHasAnExampleFirstAndFitsAScreen) {
  for (const char* command :
       {"quantize", "eval", "compare", "study", "generate", "inspect", "verify", "tokenize"}) {
    for (const Outcome& run : {run_fptq({command, "--help"}), run_fptq({"help", command})}) {
      EXPECT_EQ(run.code, 0);
      EXPECT_THAT(run.out, StartsWith("Example:\n")) << command;
      EXPECT_THAT(run.out, HasSubstr("fptq " + std::string(command)));
      EXPECT_LE(std::count(run.out.begin(), run.out.end(), '\n'), 51) << command;
      EXPECT_THAT(run.err, IsEmpty());
    }
  }
}

TEST(Usage, HelpListsEveryCommandButTheHiddenOne) {
  const Outcome run = run_fptq({"--help"});
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, HasSubstr("\n  compare "));
  EXPECT_THAT(run.out, HasSubstr("\n  tokenize "));
  EXPECT_THAT(run.out, testing::Not(HasSubstr("logits")));
}

TEST(Usage, VersionNamesBuildAndInstructionSet) {
  EXPECT_THAT(
      run_fptq({"--version"}, "", {"FPTQ_ISA=portable"}).out,
      testing::MatchesRegex("fptq [0-9.]+ \\(git [^,]+, g?c?l?a?n?[gc]+ [^,]+, kernels portable\\)\n"));
  const Outcome unknown = run_fptq({"--version"}, "", {"FPTQ_ISA=mmx"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("mmx"));
}

}  // namespace
}  // namespace fptq
