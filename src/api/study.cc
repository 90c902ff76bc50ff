#include "fptq/study.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "fptq/error.h"

namespace fptq {
namespace {

// Trials and where each stands.
struct Plan {
  std::string x_label = {};
  std::vector<double> x_marks = {};
  std::vector<StudyPoint> points = {};
  std::vector<Trial> trials = {};

  void add(std::string series, double x, std::string name, QuantizeOptions options) {
    points.push_back({std::move(series), x});
    trials.push_back({std::move(name), std::move(options)});
  }
};

constexpr double kNever = 1e30;  // above every range

constexpr std::array kStaticThresholds = {1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 150.0};
constexpr std::array kDynamicThresholds = {15.0,  20.0,  30.0,  50.0,  75.0,  100.0,
                                           150.0, 200.0, 300.0, 500.0, 1000.0};

Plan thresholds(const StudyOptions& study) {
  const QuantizeOptions& base = study.quantize;
  Plan plan{.x_label = "threshold, largest magnitude of an activation", .x_marks = {15, 150}};
  for (const double v0 : kStaticThresholds) {
    if (v0 > base.dynamic_threshold) continue;
    QuantizeOptions options = base;
    options.static_threshold = v0;
    plan.add(fmt::format("static, dynamic at {:g}", base.dynamic_threshold), v0,
             fmt::format("static-threshold={:g}", v0), std::move(options));
  }
  for (const double v1 : kDynamicThresholds) {
    if (v1 < base.static_threshold) continue;
    QuantizeOptions options = base;
    options.dynamic_threshold = v1;
    plan.add(fmt::format("dynamic, static at {:g}", base.static_threshold), v1,
             fmt::format("dynamic-threshold={:g}", v1), std::move(options));
  }
  return plan;
}

// A row of the ablation: what differs from the options of the study, which are the whole method.
struct AblationRow {
  const char* name;
  void (*apply)(QuantizeOptions& options);
};
// Inputs that no norm precedes cannot be equalized: where LAE comes in, these go to a scale per token.
constexpr AblationRow kAblation[] = {
    {"static activations everywhere",
     [](QuantizeOptions& o) { o.static_threshold = o.dynamic_threshold = kNever; }},
    {"+ LAE above the static threshold", [](QuantizeOptions& o) { o.dynamic_threshold = kNever; }},
    {"+ per token above the dynamic one", [](QuantizeOptions&) {}},
    {"the same, per token everywhere",
     [](QuantizeOptions& o) { o.static_threshold = o.dynamic_threshold = 0; }},
    {"the same, weights with zero points", [](QuantizeOptions& o) { o.symmetric = false; }},
    {"the same, weights in 8 bits", [](QuantizeOptions& o) { o.weight_bits = 8; }},
};

Plan ablation(const StudyOptions& study) {
  Plan plan;
  for (const AblationRow& row : kAblation) {
    QuantizeOptions options = study.quantize;
    row.apply(options);
    plan.add(row.name, static_cast<double>(plan.points.size()), row.name, std::move(options));
  }
  return plan;
}

Plan calibration(const StudyOptions& study) {
  Plan plan{.x_label = "calibration tokens"};
  for (const std::string& source : study.sources) {
    for (const int windows : study.windows) {
      for (int seed = 0; seed < study.seeds; ++seed) {
        QuantizeOptions options = study.quantize;
        CalibrationOptions& c = options.calibration;
        c.source = source;
        c.nsamples = windows;
        c.seed = study.quantize.calibration.seed + static_cast<uint64_t>(seed);
        c.draw_at_random = source != "random";
        plan.add(source, static_cast<double>(windows * c.seqlen),
                 fmt::format("{}:nsamples={}:seed={}", source, windows, c.seed), std::move(options));
      }
    }
  }
  return plan;
}

struct Study {
  const char* name;
  const char* question;
  Plan (*plan)(const StudyOptions& options);
};
constexpr Study kStudies[] = {
    {"thresholds", "How sensitive is the result to the thresholds 15 and 150?", thresholds},
    {"ablation", "What does each part of the method contribute?", ablation},
    {"calibration", "How much does the result depend on the calibration data?", calibration},
};

}  // namespace

std::vector<std::string> study_names() {
  std::vector<std::string> names;
  for (const Study& study : kStudies) names.emplace_back(study.name);
  return names;
}

StudyResult run_study(const std::string& name, const std::string& model, const StudyOptions& options,
                      Progress& progress) {
  const Study* study = std::ranges::find_if(kStudies, [&](const Study& s) { return name == s.name; });
  if (study == std::end(kStudies)) {
    throw Error(ErrorKind::kUsage, "study",
                fmt::format("\"{}\" is unknown, expected one of: {}", name, fmt::join(study_names(), ", ")));
  }
  Plan plan = study->plan(options);
  TrialOptions trials = options.trials;
  trials.measure_speed = false;
  StudyResult result;
  result.name = study->name;
  result.question = study->question;
  result.x_label = std::move(plan.x_label);
  result.x_marks = std::move(plan.x_marks);
  result.points = std::move(plan.points);
  result.trials = run_trials(model, plan.trials, trials, progress);
  return result;
}

}  // namespace fptq
