#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "fptq/report.h"

namespace fptq {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TrialResult trial(const std::string& name, double kl) {
  TrialResult t;
  t.name = name;
  t.method = "fptq";
  t.model = "work/fptq-0123";
  t.scheme = "W4A8 g64 sym static+token";
  t.bits_per_weight = 4.25;
  t.file_bytes = 98'000'000;
  t.quantize_seconds = 12.5;
  t.quantize_peak_rss_bytes = 700'000'000;
  t.evaluation.emplace();
  t.evaluation->perplexity = 47.071;
  t.evaluation->kl = Divergence{.mean = kl, .median = 0.3, .p95 = 1.5, .p99 = 3.25, .max = 9, .top1 = 0.5892};
  return t;
}

TrialsResult trials() {
  TrialsResult result;
  result.text = "wiki.raw";
  result.ctx = 1024;
  result.tokens = 8192;
  result.original.name = "original";
  result.original.model = "SmolLM2";
  result.original.scheme = "BF16";
  result.original.bits_per_weight = 16;
  result.original.file_bytes = 269'000'000;
  result.original.evaluation.emplace().perplexity = 29.218;
  result.original.speed = TrialSpeed{0.5, 300, 25, 900'000'000, "Paris."};
  result.trials = {trial("fptq", 0.5833), TrialResult{}};
  result.trials[0].speed = TrialSpeed{0.1, 500, 60, 200'000'000, "Paris"};
  result.trials[1].name = "gptq:calib=a,b";
  result.trials[1].method = "gptq";
  result.trials[1].failure = "a,b: cannot open: No such file";
  return result;
}

TEST(TrialsReport, TableHasTheOriginalFirstAndReasonsBelow) {
  const std::string text = to_text(trials());
  EXPECT_THAT(text, HasSubstr("SmolLM2; 8,192 tokens of wiki.raw in windows of 1,024\n"));
  EXPECT_LT(text.find("\noriginal"), text.find("\nfptq "));
  EXPECT_THAT(text, HasSubstr("W4A8 g64 sym static+token"));
  for (const char* cell :
       {"4.25", "98.0 MB", "47.071", "0.5833", "3.250", "58.9 %", "12.5 s", "60.0", "200.0 MB"})
    EXPECT_THAT(text, HasSubstr(cell));
  EXPECT_THAT(text, EndsWith("\nfailed:\n\n- gptq:calib=a,b: a,b: cannot open: No such file\n"));
}

TEST(TrialsReport, WhatWasNotMeasuredHasNoColumn) {
  TrialsResult result = trials();
  EXPECT_THAT(to_text(result), HasSubstr("decode t/s"));
  result.original.speed.reset();
  result.trials[0].speed.reset();
  EXPECT_THAT(to_text(result), Not(HasSubstr("decode t/s")));
}

TEST(TrialsReport, AResumedRunsTimeIsALowerBound) {
  TrialsResult result = trials();
  result.trials[0].quantize_resumed = true;
  EXPECT_THAT(to_text(result), HasSubstr("> 12.5 s"));
}

TEST(TrialsReport, JsonHasTheKeysThatOthersRelyOn) {
  const Json json = parse_json(to_json(trials()), "report");
  EXPECT_EQ(json["schema"], "fptq.compare_methods.v1");
  EXPECT_EQ(json["original"]["perplexity"], 29.218);
  EXPECT_TRUE(json["original"]["method"].is_null());
  EXPECT_TRUE(json["original"]["timing"]["quantize_seconds"].is_null());
  const Json& row = json["methods"][0];
  EXPECT_EQ(row["kl"]["mean"], 0.5833);
  EXPECT_EQ(row["top1"], 0.5892);
  EXPECT_EQ(row["sample"], "Paris");
  EXPECT_EQ(row["timing"]["decode_tokens_per_second"], 60.0);
  EXPECT_EQ(row["timing"]["quantize_seconds"], 12.5);
  const Json& failed = json["methods"][1];
  EXPECT_EQ(failed["failure"], "a,b: cannot open: No such file");
  for (const char* key : {"model", "scheme", "bits_per_weight", "perplexity", "kl", "top1"})
    EXPECT_TRUE(failed[key].is_null()) << key;
}

TEST(TrialsReport, CsvHasAFieldForEveryTitle) {
  const std::string csv = to_csv(trials());
  EXPECT_THAT(csv, HasSubstr("\noriginal,,BF16,16,269000000,29.218,0,,,,,,0.5,300,25,900000000,\n"));
  EXPECT_THAT(csv,
              HasSubstr("\nfptq,fptq,W4A8 g64 sym static+token,4.25,98000000,47.071,0,0.5833,3.25,0.5892,"
                        "12.5,700000000,0.1,500,60,200000000,\n"));
  EXPECT_THAT(csv, EndsWith("\n\"gptq:calib=a,b\",gptq,,,,,,,,,,,,,,,\"a,b: cannot open: No such file\"\n"));
  const std::string header = csv.substr(0, csv.find('\n'));
  EXPECT_EQ(std::count(header.begin(), header.end(), ','), 16);
}

TEST(TrialsReport, MarkdownKeepsBarsInTheirCells) {
  TrialsResult result = trials();
  result.trials[0].name = "a|b";
  EXPECT_THAT(to_markdown(result),
              HasSubstr("| a\\|b | W4A8 g64 sym static+token | 4.25 | 98.0 MB | 47.071 |"));
}

// Two tasks, and a group of more tasks than a table for people has room for.
TasksResult answered(double acc) {
  TasksResult tasks;
  tasks.num_fewshot = 5;
  tasks.questions = 130;
  tasks.tasks = {{"exam, mine", "exam.jsonl", 40, {{"acc", acc, 0.05}, {"acc_norm", acc + 0.1, 0.04}}},
                 {"words", "words.jsonl", 90, {{"perplexity", 12.5, 0.5}}},
                 {"big_1", "big.csv", 10, {{"acc", acc, 0.1}}}};
  tasks.groups = {{"big", 9, 90, {"big_1"}, {{"acc", 0.25, 0.02}}}};
  return tasks;
}

TEST(TrialsReport, EachTaskAndGroupHasAColumnOfItsMainMetric) {
  TrialsResult result = trials();
  result.original.tasks = answered(0.5);
  result.trials[0].tasks = answered(0.4);
  const std::string text = to_text(result);
  for (const char* cell :
       {"exam, mine acc_norm", "60.00 %", "50.00 %", "words perplexity", "12.500", "25.00 %"})
    EXPECT_THAT(text, HasSubstr(cell));
  EXPECT_THAT(text, Not(HasSubstr("big_1")));
  EXPECT_THAT(to_markdown(result), HasSubstr("| 60.00 % | 12.500 | 25.00 % |\n"));
  EXPECT_THAT(to_markdown(result), HasSubstr("| - | - | - |\n")) << "of the trial that failed";

  const std::string csv = to_csv(result);
  EXPECT_THAT(csv, HasSubstr(",failure,\"exam, mine_acc_norm_percent\",words_perplexity,big_1_acc_percent,"
                             "big_acc_percent\n"));
  EXPECT_THAT(csv, HasSubstr("900000000,,60,12.5,50,25\n"));
  EXPECT_THAT(csv, EndsWith("No such file\",,,,\n"));

  const Json json = parse_json(to_json(result), "report");
  const Json& score = json["original"]["scores"][0];
  EXPECT_EQ(score["task"], "exam, mine");
  EXPECT_EQ(score["metric"], "acc_norm");
  EXPECT_EQ(score["unit"], "percent");
  EXPECT_EQ(score["value"], 60.0);
  EXPECT_EQ(score["stderr"], 4.0);
  EXPECT_EQ(json["original"]["scores"][1]["value"], 12.5);
  EXPECT_TRUE(json["original"]["scores"][1]["unit"].is_null());
  EXPECT_EQ(json["original"]["tasks"]["tasks"][0]["metrics"]["acc_stderr"], 0.05);
  EXPECT_FALSE(json["methods"][1].contains("tasks"));
}

StudyResult study() {
  StudyResult s;
  s.name = "calibration";
  s.question = "How much?";
  s.x_label = "calibration tokens";
  s.points = {{"random", 2048}, {"random", 2048}, {"random", 4096}, {"c4", 2048}};
  s.trials = trials();
  s.trials.trials = {trial("a", 0.5), trial("b", 0.7), trial("c", 0.4), TrialResult{}};
  s.trials.trials[3].failure = "no such file";
  return s;
}

TEST(StudyReport, RunsThatDifferInTheirSeedAreSummedUp) {
  const std::string text = to_text(study());
  EXPECT_THAT(text, HasSubstr("calibration tokens  runs"));
  EXPECT_THAT(text, testing::ContainsRegex("random +2048 +2 +0\\.6000 +0\\.5000 +0\\.7000 +33\\.3 %\n"));
  EXPECT_THAT(text, testing::ContainsRegex("random +4096 +1 +0\\.4000 +0\\.4000 +0\\.4000 +0\\.0 %\n"));
  EXPECT_THAT(text, testing::ContainsRegex("c4 +2048 +0\n"));
  StudyResult single = study();
  single.points[1].x = 1024;
  EXPECT_THAT(to_text(single), Not(HasSubstr("spread")));
}

TEST(StudyReport, JsonAndCsvHaveEveryRun) {
  const Json json = parse_json(to_json(study()), "report");
  EXPECT_EQ(json["schema"], "fptq.study.v1");
  EXPECT_EQ(json["study"], "calibration");
  ASSERT_EQ(json["points"].size(), 4u);
  EXPECT_EQ(json["points"][1]["series"], "random");
  EXPECT_EQ(json["points"][1]["x"], 2048.0);
  EXPECT_EQ(json["points"][1]["kl"]["mean"], 0.7);
  const std::string csv = to_csv(study());
  EXPECT_THAT(csv, HasSubstr("\ncalibration,random,4096,c,fptq,"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 1 + 4);
}

TEST(StudyReport, PicturesAreCurvesOrBars) {
  const std::string curves = to_svg(study());
  EXPECT_THAT(curves, HasSubstr("<polyline "));
  EXPECT_THAT(curves, HasSubstr("class=\"range\""));
  EXPECT_THAT(curves, Not(HasSubstr(">c4</text>"))) << "a curve without results";
  StudyResult ablation = study();
  ablation.x_label.clear();
  ablation.points = {{"a", 0}, {"b", 1}, {"c", 2}, {"d", 3}};
  EXPECT_THAT(to_svg(ablation), HasSubstr("class=\"bar\""));
}

}  // namespace
}  // namespace fptq
