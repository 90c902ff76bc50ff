#include "fptq/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/json.h"

namespace fptq {
namespace {

using testing::HasSubstr;
using testing::Not;

EvalResult evaluation() {
  EvalResult result;
  result.model = "out";
  result.reference = "in";
  result.ctx = 1024;
  result.tokens = 8192;
  result.scored = 8184;
  result.perplexity = 47.071;
  result.reference_perplexity = 29.218;
  result.kl = Divergence{.mean = 0.5833, .median = 0.3, .p95 = 1.5, .p99 = 3.25, .max = 9, .top1 = 0.5892};
  return result;
}

QuantizeReport quantization() {
  QuantizeReport report;
  report.inputs = {{.layer = 0,
                    .input = "q/k/v input",
                    .consumers = {"a"},
                    .v = 3.25,
                    .activation = "static",
                    .scale = 0.025,
                    .reason = "v = 3.25 <= 15"},
                   {.layer = 0,
                    .input = "gate/up input",
                    .consumers = {"b"},
                    .v = 20,
                    .equalized = true,
                    .activation = "static",
                    .scale = 0.5,
                    .reason = "15 < v = 20 < 150"},
                   {.layer = 0,
                    .input = "down input",
                    .consumers = {"c"},
                    .v = 400,
                    .activation = "token",
                    .reason = "v = 400 >= 150"}};
  for (int i = 0; i < 5; ++i) {
    report.linears.push_back({.module = "m" + std::to_string(i),
                              .bits = 4,
                              .group_size = 64,
                              .group_size_fell_back = i > 0,
                              .relative_error = 0.001 * ((i * 2) % 5),
                              .sqnr_db = 20,
                              .form = "int4 g64 sym"});
  }
  report.source_bytes = 269'000'000;
  report.output_bytes = 100'000'000;
  return report;
}

TEST(EvalReport, JsonHasTheKeysThatOthersRelyOn) {
  const Json json = parse_json(to_json(evaluation()), "report");
  EXPECT_EQ(json["schema"], "fptq.eval.v1");
  EXPECT_EQ(json["perplexity"], 47.071);
  EXPECT_EQ(json["kl"]["mean"], 0.5833);
  EXPECT_EQ(json["kl"]["p99"], 3.25);
  EXPECT_EQ(json["top1"], 0.5892);
}

TEST(EvalReport, WithoutAReferenceThereIsNoDivergence) {
  EvalResult result = evaluation();
  result.kl.reset();
  const Json json = parse_json(to_json(result), "report");
  EXPECT_FALSE(json.contains("kl"));
  EXPECT_FALSE(json.contains("top1"));
  EXPECT_FALSE(json.contains("reference"));
  EXPECT_THAT(to_text(result), Not(HasSubstr("kl.mean")));
}

TEST(EvalReport, TextShowsTheChange) {
  const std::string text = to_text(evaluation());
  EXPECT_THAT(text, HasSubstr("29.218 (+61.1 %)"));
  EXPECT_THAT(text, HasSubstr("kl.mean      0.58330\n"));
  EXPECT_THAT(text, HasSubstr("8,192 in windows of 1,024, 8,184 scored"));
}

TEST(EvalReport, ChangeOfProbabilitiesIsInPercent) {
  EvalResult result = evaluation();
  result.stride = 256;
  result.perplexity_ratio = 1.6111;
  result.perplexity_ratio_stderr = 0.0123;
  result.bits_per_byte = 1.0312;
  result.word_perplexity = 61.25;
  result.probability_change = ProbabilityChange{.mean = -0.0512, .rms = 0.125, .min = -0.9, .max = 0.75};
  const std::string text = to_text(result);
  EXPECT_THAT(text, HasSubstr("mean -5.12 %, RMS 12.50 %"));
  EXPECT_THAT(text, HasSubstr("min -90.00,"));
  EXPECT_THAT(text, HasSubstr("1.6111 ± 0.0123"));
  EXPECT_THAT(text, HasSubstr("61.250 a word, 1.0312 bits per byte"));
  EXPECT_THAT(text, HasSubstr("windows of 1,024 every 256"));
  const Json json = parse_json(to_json(result), "report");
  EXPECT_EQ(json["probability_change"]["rms"], 0.125);
  EXPECT_EQ(json["perplexity_ratio"], 1.6111);
  EXPECT_EQ(json["bits_per_byte"], 1.0312);
}

TEST(TasksReport, ShowsTasksAndGroups) {
  TasksResult result;
  result.questions = 1538;
  result.tasks = {{"piqa", "valid.jsonl", 38, {{"acc", 0.625, 0.0785}, {"acc_norm", 0.65, 0.07}}},
                  {"lambada", "l.jsonl", 1500, {{"perplexity", 31.5, 1.25}}}};
  result.groups = {{"both", 2, 1538, {"piqa", "lambada"}, {{"acc", 0.5, 0.01}}}};
  const std::string text = to_text(result);
  EXPECT_THAT(text, HasSubstr("62.50 ± 7.85 %"));
  EXPECT_THAT(text, HasSubstr("31.500 ± 1.250"));
  EXPECT_THAT(text, HasSubstr("both (2 tasks)"));
  EXPECT_THAT(text, HasSubstr("zero-shot, 1,538 questions"));
  const Json json = parse_json(to_json(result), "report");
  EXPECT_EQ(json["tasks"][0]["metrics"]["acc_norm"], 0.65);
  EXPECT_EQ(json["tasks"][0]["metrics"]["acc_stderr"], 0.0785);
  EXPECT_EQ(json["groups"][0]["group"], "both");
  EXPECT_FALSE(json.contains("limit"));
}

TEST(Reports, WhatDiffersFromRunToRunStandsInTiming) {
  QuantizeReport slow = quantization();
  slow.seconds = 5;
  slow.peak_rss_bytes = 77;
  Json a = parse_json(to_json(quantization()), "a"), b = parse_json(to_json(slow), "b");
  EXPECT_NE(a, b);
  a.erase("timing");
  b.erase("timing");
  EXPECT_EQ(a, b);
}

TEST(Reports, NumbersThatAreNotFiniteAndBrokenNamesStillMakeJson) {
  EvalResult result = evaluation();
  result.model = "caf\xe9";
  result.perplexity = std::numeric_limits<double>::infinity();
  const Json json = parse_json(to_json(result), "report");
  EXPECT_TRUE(json["perplexity"].is_null());
  EXPECT_EQ(json["model"], "caf\xef\xbf\xbd");
}

TEST(QuantizeReportText, SummaryCountsDecisionsAndNamesTheThreeWorst) {
  const std::string text = to_text(quantization());
  EXPECT_THAT(text, HasSubstr("269.0 MB -> 100.0 MB, 2.69 times smaller"));
  EXPECT_THAT(text, HasSubstr("3 inputs: 1 static, 1 equalized then static, 1 per token"));
  EXPECT_THAT(text, HasSubstr("1 matrix: int4 g64 sym\n"));
  EXPECT_THAT(text, HasSubstr("4 matrices: int4 g64 sym (the group size asked"));
  const size_t first = text.find("m2  relative error 0.00400"), second = text.find("m4  "),
               third = text.find("m1  ");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, std::string::npos);
  EXPECT_THAT(text, Not(HasSubstr("m3  ")));
  EXPECT_THAT(text, Not(HasSubstr("perplexity")));
}

TEST(QuantizeReportText, AResultThatGrewIsNotCalledSmaller) {
  QuantizeReport report = quantization();
  report.output_bytes = 2 * report.source_bytes;
  EXPECT_THAT(to_text(report), HasSubstr("2.00 times larger"));
}

TEST(QuantizeReportText, EvaluationComesAlong) {
  QuantizeReport report = quantization();
  report.evaluation = evaluation();
  EXPECT_THAT(to_text(report), HasSubstr("29.218 -> 47.071 (+61.1 %) on 8,192 tokens"));
  EXPECT_EQ(parse_json(to_json(report), "r")["evaluation"]["kl"]["mean"], 0.5833);
}

TEST(QuantizeReportText, ExplainHasOneLineAnInput) {
  EXPECT_EQ(explain(quantization()),
            "layer  input                v  decision          scale  reason\n"
            "    0  q/k/v input      3.250  static            0.025  v = 3.25 <= 15\n"
            "    0  gate/up input   20.000  equalize, static    0.5  15 < v = 20 < 150\n"
            "    0  down input     400.000  token                    v = 400 >= 150\n");
}

TEST(QuantizeText, WhatIsNotQuantizedStandsBesideTheRest) {
  QuantizeReport report = quantization();
  report.linears.front().bits = 0;
  report.linears.front().form.clear();
  report.inputs.front().activation = "float";
  const std::string text = to_text(report);
  EXPECT_THAT(text, HasSubstr("1 matrix not quantized\n"));
  EXPECT_THAT(text, HasSubstr("4 matrices: int4 g64 sym"));
  EXPECT_THAT(text, HasSubstr("3 inputs: 0 static, 1 equalized then static, 1 per token, 1 not quantized\n"));
}

TEST(PlanText, MatricesOfAKindShareALine) {
  QuantizePlan plan;
  plan.family = "llama";
  plan.layers = 2;
  for (int i = 0; i < 2; ++i) {
    const std::string layer = "model.layers." + std::to_string(i);
    plan.matrices.push_back({layer + ".mlp.up_proj", 1536, 576, 4, 64, true, "int4 g64 sym"});
    plan.matrices.push_back({layer + ".mlp.down_proj", 576, 1536, 4, 128, false, "int4 g128 sym"});
  }
  plan.matrices.push_back({.module = "model.layers.2.mlp.up_proj", .rows = 1536, .cols = 576});
  const std::string text = to_text(plan);
  EXPECT_THAT(text, HasSubstr("mlp.up_proj        1     1536 x 576  not quantized\n"));
  EXPECT_THAT(text, HasSubstr("mlp.up_proj        2     1536 x 576  int4 g64 sym   the group size"));
  EXPECT_THAT(text, HasSubstr("mlp.down_proj      2     576 x 1536  int4 g128 sym\n"));
  EXPECT_EQ(parse_json(to_json(plan), "plan")["matrices"].size(), 5u);
}

TEST(CompareText, ShowsBothAndTheRatio) {
  CompareResult result;
  result.original = {.path = "a",
                     .format = "gguf",
                     .file_bytes = 400,
                     .dense_bytes = 800,
                     .perplexity = 20,
                     .sample = "Paris\nis it"};
  result.quantized = {
      .path = "b", .format = "compressed-tensors", .file_bytes = 100, .perplexity = 25, .sample = "Lyon"};
  result.kl = {.mean = 0.5, .p99 = 2, .top1 = 0.75};
  const std::string text = to_text(result);
  EXPECT_THAT(text, HasSubstr("file size               400 B      100 B  x 0.25\n"));
  EXPECT_THAT(text, HasSubstr("size in 16 bits         800 B             x 0.12\n"));
  EXPECT_THAT(text, HasSubstr("top-1 agreement                   75.0 %\n"));
  EXPECT_THAT(text, HasSubstr("original answers:\n  Paris\n  is it\n"));
  EXPECT_EQ(parse_json(to_json(result), "c")["kl"]["p99"], 2.0);
}

TEST(VerifyText, ProblemsComeFirst) {
  VerifyReport report{.files = 2, .tensors = 3, .bytes = 10, .problems = {}};
  EXPECT_EQ(to_text(report), "ok: 2 files, 3 tensors, 10 B\n");
  report.problems = {"model.safetensors: checksum"};
  EXPECT_EQ(to_text(report), "problem: model.safetensors: checksum\n1 problem found in 2 files\n");
  EXPECT_EQ(parse_json(to_json(report), "v")["ok"], false);
}

TEST(InspectText, ValuesThatWereNotReadStayBlank) {
  ModelSummary summary;
  summary.tensors = {{.name = "norm", .dtype = "F32", .shape = {64}, .bytes = 256, .activation = ""},
                     {.name = "w",
                      .dtype = "int4 g64 sym",
                      .shape = {64, 64},
                      .bytes = 2176,
                      .activation = "token",
                      .min = -1,
                      .max = 1,
                      .abs_mean = 0.25}};
  const std::string text = to_text(summary);
  EXPECT_THAT(text, HasSubstr("norm    F32                64   256 B\n"));
  EXPECT_THAT(text, HasSubstr("w       int4 g64 sym  64 x 64  2.2 kB   -1    1      0.25  token\n"));
}

}  // namespace
}  // namespace fptq
