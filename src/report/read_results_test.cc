#include "report/read_results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expect_error.h"
#include "fptq/error.h"
#include "fptq/report.h"
#include "report/quantization_json.h"

namespace fptq::report {
namespace {

using testing::HasSubstr;

InputDecision decision() {
  InputDecision d{.layer = 3,
                  .input = "down input",
                  .consumers = {"a", "b"},
                  .v = 3.25,
                  .equalized = true,
                  .activation = "static",
                  .scale = 0.1,
                  .reason = "why"};
  d.profile = {.tokens = 9,
               .channels = 4,
               .before = {.largest = 8, .median = 1, .bins = {1, 8.125, 0.3}},
               .after = {.largest = 2, .median = 1, .bins = {1, 2, 0.3}},
               .kurtosis = 12.5,
               .outlier_channels = 1,
               .outliers = {{2, 8, 2}},
               .massive_tokens = 5};
  return d;
}

TEST(ReadResults, DecisionsComeBackAsTheyWere) {
  const Json written = to_members(decision());
  EXPECT_EQ(to_members(decision_of(parse_json(written.dump(), "x"), "x")), written);
  EXPECT_EQ(written["profile"]["channel_maxima"]["before"]["bins"][2], 0.3);
}

TEST(ReadResults, OlderFilesLackProfiles) {
  Json old = to_members(decision());
  old.erase("profile");
  EXPECT_EQ(decision_of(old, "x").profile.tokens, 0);
}

TEST(ReadResults, AQuantizationComesBackFromItsFile) {
  QuantizeReport report;
  report.source = "model";
  report.method = "fptq";
  report.scheme = "w4a8";
  report.bits_per_weight = 4.25;
  report.tuned = true;
  report.inputs = {decision()};
  report.linears = {
      {.module = "m", .bits = 4, .sqnr_db = 20, .form = "int4", .weights = 12, .clipped_share = 0.5}};
  report.blocks = {{.layer = 0, .output_sqnr_db = 17.5}};
  EvalResult& e = report.evaluation.emplace();
  e.reference = "model";
  e.perplexity = 33;
  e.reference_perplexity = 29;
  e.kl = Divergence{.mean = 0.1, .top1 = 0.9};
  e.kl->histogram.counts.assign(KlHistogram::kBins, 7);
  const QuantizeReport back = quantization_of(parse_json(report_file(report), "f"), "f");
  EXPECT_EQ(report_file(back), report_file(report));
  EXPECT_EQ(back.evaluation->kl->histogram.counts.size(), static_cast<size_t>(KlHistogram::kBins));
  // What differs from run to run is left to --json.
  EXPECT_THAT(report_file(report), testing::Not(HasSubstr("timing")));
  EXPECT_THAT(to_json(report), testing::Not(HasSubstr("bins")));
  EXPECT_EQ(quantization_of(parse_json(to_json(report), "f"), "f").linears[0].clipped_share, 0.5);
}

TEST(ReadResults, TasksComeBackAsTheyWere) {
  TasksResult tasks;
  tasks.model = "out";
  tasks.num_fewshot = 5;
  tasks.limit = 7;
  tasks.seed = 1234;
  tasks.questions = 14;
  tasks.tasks = {{"a", "a.jsonl", 7, {{"perplexity", 12.5, 0.5}, {"acc", 0.5, 0.1}}}};
  tasks.groups = {{"g", 1, 7, {"a"}, {{"acc", 0.5, 0.1}}}};
  tasks.resumed_questions = 3;
  tasks.computed_tokens = 99;
  tasks.seconds = 1.5;
  tasks.peak_rss_bytes = 1000;
  EXPECT_EQ(to_json(tasks_of(parse_json(to_json(tasks), "f"), "f")), to_json(tasks));

  TrialsResult trials;
  trials.original.name = "original";
  trials.original.tasks = tasks;
  const TrialsResult back = trials_of(parse_json(to_json(trials), "f"), "f");
  EXPECT_EQ(to_json(back), to_json(trials));

  tasks.tasks[0].metrics[0].value = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(std::isnan(tasks_of(parse_json(to_json(tasks), "f"), "f").tasks[0].metrics[0].value));
}

TEST(ReadResults, WhatIsWrongWithTasksIsNamed) {
  const auto refused = [](const char* text, const char* words) {
    expect_error(ErrorKind::kBadModel, {"f.json", words},
                 [&] { tasks_of(parse_json(text, "f.json"), "f.json"); });
  };
  refused(R"({"tasks": 3})", "f.json:tasks");
  refused(R"({"tasks": [{"task": "a", "metrics": 3}], "groups": []})", "expected an object");
  refused(R"({"tasks": [{"task": "a", "metrics": {"acc": "x"}}], "groups": []})", "f.json:acc");
  refused(R"({"tasks": [], "groups": [{"group": "g", "members": [1], "metrics": {}}]})", "expected names");
}

TEST(ReadResults, WhatIsWrongIsNamed) {
  const auto refused = [](const char* text, const char* words) {
    expect_error(ErrorKind::kBadModel, {"f.json", words},
                 [&] { quantization_of(parse_json(text, "f.json"), "f.json"); });
  };
  refused("{}", "f.json:inputs");
  refused(R"({"inputs": 3})", "expected an array");
  refused(R"({"inputs": [{"layer": "x"}]})", "f.json:layer");
  refused(R"({"inputs": [], "linears": [], "source_bytes": -1})", "is negative");
  expect_error(ErrorKind::kBadModel, {"expected 26 numbers, found 2"}, [] {
    evaluation_of(parse_json(R"({"perplexity": 1, "kl": {"mean": 1, "histogram":
                                {"lowest": 1e-5, "per_decade": 4, "counts": [1, 2]}}})",
                             "f"),
                  "f");
  });
}

}  // namespace
}  // namespace fptq::report
