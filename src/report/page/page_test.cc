// The page as a whole: every section is there, names from files are text, and the size has a limit. How it
// looks is seen by scripts/check_report.py.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "fptq/run_report.h"

namespace fptq {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kEvil = "</title><script>alert('x')</script>\x1b[2J\"&";

Run run_of(const std::string& name, int64_t layers) {
  Run run;
  run.name = name;
  run.model = "models/" + name;
  run.method = "fptq";
  run.scheme = "W4A8 g64 sym";
  run.bits_per_weight = 4.25;
  run.file_bytes = 115'000'000;
  EvalResult& e = run.evaluation.emplace();
  e.text = "wiki.raw";
  e.tokens = 4096;
  e.ctx = 1024;
  e.perplexity = 33;
  e.reference_perplexity = 29;
  e.kl = Divergence{.mean = 0.2, .median = 0.1, .p95 = 0.6, .p99 = 1.2, .max = 5, .top1 = 0.7};
  e.kl->histogram.counts.assign(KlHistogram::kBins, 0);
  e.kl->histogram.counts[12] = 30;
  e.kl->histogram.counts[14] = 90;
  run.speed = RunSpeed{.load_seconds = 0.5,
                       .first_token_seconds = 0.2,
                       .prefill_tokens_per_second = 2000,
                       .decode_tokens_per_second = 150,
                       .ms_per_token = 6.7,
                       .peak_rss_bytes = 200'000'000,
                       .conditions = "2 threads"};
  QuantizeReport& q = run.quantization.emplace();
  q.calibration_tokens = 1000;
  for (int64_t layer = 0; layer < layers; ++layer) {
    InputDecision d;
    d.layer = layer;
    d.input = "down input";
    d.activation = "token";
    d.reason = "v = 400 >= 150";
    d.profile.tokens = 1000;
    d.profile.channels = 4;
    d.profile.kurtosis = 900;
    d.profile.outlier_channels = 1;
    d.profile.massive_tokens = 2;
    d.profile.before = {.largest = 400, .median = 2, .bins = {1, 2, 400, 2}};
    d.profile.after = {.largest = 40, .median = 1, .bins = {1, 1, 40, 2}};
    d.profile.outliers = {{2, 400, 40}};
    q.inputs.push_back(d);
    q.blocks.push_back({layer, 20.0 - 0.1 * static_cast<double>(layer)});
    for (const char* module : {"mlp.up_proj", "mlp.down_proj"}) {
      q.linears.push_back({.module = fmt::format("model.layers.{}.{}", layer, module),
                           .bits = 4,
                           .group_size = 64,
                           .relative_error = 0.01,
                           .sqnr_db = 20,
                           .form = "int4 g64 sym",
                           .weights = 1000,
                           .clipped_share = 0.0012,
                           .smallest_scale = 0.001,
                           .largest_scale = 0.1});
    }
  }
  return run;
}

RunReport report_of(std::vector<Run> runs) {
  RunReport report;
  report.title = "SmolLM2";
  report.original.name = "original";
  report.original.evaluation.emplace().perplexity = 29;
  report.runs = std::move(runs);
  SensitivityResult s;
  s.text = "t";
  s.method = "fptq";
  s.scheme = "w4a8";
  s.tokens = 64;
  s.layers = {{"model.layers.0.mlp.up_proj", 1000, 4.25, 0.01},
              {"model.layers.1.mlp.down_proj", 1000, 4.25, 0.3}};
  report.sensitivities = {s};
  report.verdict = judge(report);
  return report;
}

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(Page, HasEverySectionAndChart) {
  const std::string page = to_html(report_of({run_of("a", 4), run_of("b", 4)}));
  for (const char* id : {"verdict", "runs", "layers", "inputs", "details", "terms"})
    EXPECT_EQ(count(page, fmt::format("<section id=\"{}\"", id)), 1) << id;
  for (const char* title : {"Size against loss", "How the loss is spread over the text", "Decoding, tokens/s",
                            "Reading a prompt, tokens/s", "SQNR by layer", "SQNR of the blocks&#39; outputs",
                            "Sensitivity by layer and matrix", "Channel maxima of the down input"})
    EXPECT_THAT(page, HasSubstr(std::string("\">") + title + "</title>"));
  for (const char* cell :
       {"4.25", "115.0 MB", "0.2000", "70.0 %", "+13.8 %", "150", "2,000", "0.12 %", "2: 400 → 40"})
    EXPECT_THAT(page, HasSubstr(">" + std::string(cell) + "</td>"));
  EXPECT_THAT(page, HasSubstr("not readable"));
}

TEST(Page, EveryChartHasTitleAndDescriptionAndElementsAreClosed) {
  const std::string page = to_html(report_of({run_of("a", 4)}));
  EXPECT_GT(count(page, "<svg "), 8);
  EXPECT_EQ(count(page, "<svg "), count(page, "<title id="));
  EXPECT_EQ(count(page, "<svg "), count(page, "<desc id="));
  for (const char* name :
       {"svg", "section", "table", "tr", "td", "figure", "details", "div", "p", "text", "h2"}) {
    const std::string tag = std::string("<") + name;
    EXPECT_EQ(count(page, tag + ">") + count(page, tag + " "), count(page, fmt::format("</{}>", name)))
        << name;
  }
}

TEST(Page, NamesFromFilesAreText) {
  fptq::Run run = run_of(kEvil, 3);
  run.scheme = run.method = kEvil;
  run.evaluation->text = kEvil;
  run.speed->conditions = kEvil;
  for (InputDecision& d : run.quantization->inputs) d.input = d.reason = d.activation = kEvil;
  for (LinearReport& l : run.quantization->linears) {
    l.module += kEvil;
    l.form = "int4" + std::string(kEvil);
  }
  RunReport report = report_of({run, run_of("b", 3)});
  report.title = kEvil;
  report.warnings = {kEvil};
  for (LayerSensitivity& l : report.sensitivities[0].layers) l.module += kEvil;
  report.sensitivities[0].text = report.sensitivities[0].method = kEvil;
  report.runs[1].failure = kEvil;
  report.verdict = judge(report);
  const std::string page = to_html(report);
  EXPECT_EQ(count(page, "<script"), 1) << "ours";
  EXPECT_THAT(page, Not(HasSubstr("alert('x')")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)"));
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  EXPECT_THAT(to_markdown(report), Not(HasSubstr("\x1b")));
  parse_json(to_json(report), "report");
}

TEST(Page, StaysBelowThreeMegabytesAndSaysWhatItLeavesOut) {
  std::vector<fptq::Run> runs;
  for (int i = 0; i < 24; ++i) runs.push_back(run_of("run" + std::to_string(i), 126));
  const std::string page = to_html(report_of(std::move(runs)));
  EXPECT_LT(page.size(), 3'000'000u);
  EXPECT_THAT(page, HasSubstr("Left out to keep the page small"));
  EXPECT_THAT(to_html(report_of({run_of("a", 4)})), Not(HasSubstr("Left out")));
}

TEST(Page, WhatIsNotKnownIsNotDrawn) {
  fptq::Run run;
  run.name = "bare";
  run.evaluation.emplace().perplexity = NAN;
  run.evaluation->kl = Divergence{.mean = NAN};
  RunReport report;
  report.runs = {run};
  report.verdict = judge(report);
  const std::string page = to_html(report);
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, Not(HasSubstr("<svg")));
}

TEST(Page, ShowsWhatModelsAnswered) {
  RunReport report = report_of({run_of("a", 2), run_of("b", 2)});
  EXPECT_THAT(to_html(report), Not(HasSubstr("Benchmarks")));
  EXPECT_THAT(to_markdown(report), Not(HasSubstr("Benchmarks")));
  report.original.tasks = {{"exam", 40, 0, 0, false, {{"acc", 0.5, 0.05}, {"acc_norm", 0.625, 0.04}}}};
  report.runs[1].tasks = {{"exam", 40, 0, 0, false, {{"acc", 0.25, 0.05}, {"acc_norm", 0.375, 0.04}}},
                          {kEvil, 3, 0, 0, false, {{"perplexity", 12.5, 0.5}}},
                          {"part", 3, 0, 0, true, {{"acc", 0.5, 0.5}}}};
  const std::string page = to_html(report);
  EXPECT_THAT(page, HasSubstr("Benchmarks"));
  for (const char* text : {"exam acc_norm", "62.50 ± 4.00 %", "37.50 ± 4.00 %", "12.500 ± 0.500"})
    EXPECT_THAT(page, HasSubstr(text));
  EXPECT_THAT(page, Not(HasSubstr("part acc")));
  EXPECT_EQ(count(page, "<script"), 1) << "ours";
  EXPECT_THAT(to_markdown(report), HasSubstr("| b | 37.50 ± 4.00 % | 12.500 ± 0.500 |\n"));
  EXPECT_THAT(to_csv(report),
              HasSubstr("\nb,task,,exam,acc_norm,0.375\nb,task,,exam,acc_norm_stderr,0.04\n"));
  EXPECT_THAT(to_csv(report), HasSubstr("\nb,task,,part,acc,0.5\n"));
  const Json json = parse_json(to_json(report), "report");
  EXPECT_EQ(json["runs"][1]["tasks"][0]["metrics"]["acc_norm"], 0.375);
  EXPECT_TRUE(json["runs"][0]["tasks"].empty());
}

TEST(RunReportForms, HoldTheSameFigures) {
  const RunReport report = report_of({run_of("a,b", 2)});
  const Json json = parse_json(to_json(report), "report");
  EXPECT_EQ(json["schema"], "fptq.report.v1");
  EXPECT_EQ(json["runs"][0]["evaluation"]["kl"]["mean"], 0.2);
  EXPECT_EQ(json["runs"][0]["grade"], "far");
  EXPECT_EQ(json["runs"][0]["linears"][0]["clipped_share"], 0.0012);
  EXPECT_EQ(json["runs"][0]["inputs"][0]["profile"]["kurtosis"], 900);
  EXPECT_EQ(json["sensitivities"][0]["schema"], "fptq.sensitivity.v1");
  EXPECT_EQ(json["verdict"]["focus"], "a,b");
  const std::string csv = to_csv(report);
  EXPECT_THAT(csv, testing::StartsWith("run,part,layer,name,metric,value\n"));
  EXPECT_THAT(csv, HasSubstr("\n\"a,b\",model,,,kl_mean,0.2\n"));
  EXPECT_THAT(csv, HasSubstr("\n\"a,b\",linear,,model.layers.1.mlp.up_proj,sqnr_db,20\n"));
  EXPECT_THAT(csv, HasSubstr("\n\"a,b\",input,1,down input,massive_tokens,2\n"));
  EXPECT_THAT(csv, HasSubstr("\n\"a,b\",block,1,,output_sqnr_db,19.9\n"));
  const std::string card = to_markdown(report);
  EXPECT_THAT(card, testing::StartsWith("# Quantizing SmolLM2\n"));
  EXPECT_THAT(card, HasSubstr("| a,b | W4A8 g64 sym | 4.25 | 115.0 MB | 33.000 | 0.2000 | 1.200 | 70.0 % |"));
}

}  // namespace
}  // namespace fptq
