#include "report/read_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "fptq/error.h"
#include "report/quantization_json.h"

namespace fptq::report {
namespace {

const Json& member(const Json& json, const char* key, const std::string& where) {
  const Json* found = json_find(json, key);
  if (found == nullptr) throw Error(ErrorKind::kBadModel, where + ":" + key, "is missing");
  return *found;
}

const Json& array(const Json& json, const char* key, const std::string& where) {
  const Json& found = member(json, key, where);
  if (!found.is_array()) throw Error(ErrorKind::kBadModel, where + ":" + key, "expected an array");
  return found;
}

uint64_t count(const Json& json, const char* key, const std::string& where) {
  const int64_t value = json_int(json, key, where, 0);
  if (value < 0) throw Error(ErrorKind::kBadModel, where + ":" + key, "is negative");
  return static_cast<uint64_t>(value);
}

KlHistogram histogram_of(const Json& json, const std::string& where) {
  KlHistogram histogram;
  // Of other bins than ours nothing can be said.
  if (json_number(json, "lowest", where) != KlHistogram::kLowest ||
      json_int(json, "per_decade", where) != KlHistogram::kPerDecade)
    return histogram;
  for (const Json& n : array(json, "counts", where)) {
    if (!n.is_number_unsigned())
      throw Error(ErrorKind::kBadModel, where + ":counts", "expected numbers that are not negative");
    histogram.counts.push_back(static_cast<int64_t>(n.get<uint64_t>() & INT64_MAX));
  }
  if (!histogram.counts.empty() && std::ssize(histogram.counts) != KlHistogram::kBins) {
    throw Error(
        ErrorKind::kBadModel, where + ":counts",
        fmt::format("expected {} numbers, found {}", int{KlHistogram::kBins}, histogram.counts.size()));
  }
  return histogram;
}

// `kl` and `top1`, which stand side by side.
std::optional<Divergence> divergence_of(const Json& json, const std::string& where) {
  const Json* kl = json_find(json, "kl");
  if (kl == nullptr) return std::nullopt;
  Divergence d{.mean = json_number(*kl, "mean", where),
               .median = json_number(*kl, "median", where, 0),
               .p95 = json_number(*kl, "p95", where, 0),
               .p99 = json_number(*kl, "p99", where, 0),
               .max = json_number(*kl, "max", where, 0),
               .top1 = json_number(json, "top1", where, 0)};
  if (const Json* histogram = json_find(*kl, "histogram")) d.histogram = histogram_of(*histogram, where);
  return d;
}

// "acc": 0.5 beside "acc_stderr": 0.1. What was not finite is null.
std::vector<MetricValue> metrics_of(const Json& json, const std::string& where) {
  if (!json.is_object()) throw Error(ErrorKind::kBadModel, where + ":metrics", "expected an object");
  constexpr double kNotFinite = std::numeric_limits<double>::quiet_NaN();
  std::vector<MetricValue> metrics;
  for (const auto& [name, value] : json.items()) {
    if (name.ends_with("_stderr")) continue;
    metrics.push_back({name, json_number(json, name.c_str(), where, kNotFinite),
                       json_number(json, (name + "_stderr").c_str(), where, kNotFinite)});
  }
  return metrics;
}

TrialResult trial_of(const Json& json, const std::string& where) {
  TrialResult t;
  t.name = json_string(json, "name", where);
  t.method = json_string(json, "method", where, "");
  t.failure = json_string(json, "failure", where, "");
  t.model = json_string(json, "model", where, "");
  t.scheme = json_string(json, "scheme", where, "");
  t.bits_per_weight = json_number(json, "bits_per_weight", where, 0);
  t.file_bytes = count(json, "file_bytes", where);
  if (json_find(json, "perplexity") != nullptr) {
    EvalResult& e = t.evaluation.emplace();
    e.perplexity = json_number(json, "perplexity", where);
    e.perplexity_stderr = json_number(json, "perplexity_stderr", where, 0);
    e.kl = divergence_of(json, where);
  }
  if (const Json* tasks = json_find(json, "tasks")) t.tasks = tasks_of(*tasks, where);
  const Json* timing = json_find(json, "timing");
  if (timing == nullptr) return t;
  t.quantize_seconds = json_number(*timing, "quantize_seconds", where, 0);
  if (json_find(*timing, "decode_tokens_per_second") != nullptr) {
    t.speed =
        TrialSpeed{.load_seconds = json_number(*timing, "load_seconds", where, 0),
                   .prefill_tokens_per_second = json_number(*timing, "prefill_tokens_per_second", where, 0),
                   .decode_tokens_per_second = json_number(*timing, "decode_tokens_per_second", where),
                   .peak_rss_bytes = count(*timing, "peak_rss_bytes", where),
                   .sample = json_string(json, "sample", where, "")};
  }
  return t;
}

ComparedModel compared_of(const Json& json, const std::string& where) {
  ComparedModel m;
  m.path = json_string(json, "path", where);
  m.format = json_string(json, "format", where, "");
  m.file_bytes = count(json, "file_bytes", where);
  m.bits_per_weight = json_number(json, "bits_per_weight", where, 0);
  m.perplexity = json_number(json, "perplexity", where);
  const Json& timing = member(json, "timing", where);
  m.load_seconds = json_number(timing, "load_seconds", where, 0);
  m.prefill_tokens_per_second = json_number(timing, "prefill_tokens_per_second", where, 0);
  m.decode_tokens_per_second = json_number(timing, "decode_tokens_per_second", where, 0);
  m.peak_rss_bytes = count(timing, "peak_rss_bytes", where);
  return m;
}

BenchRun bench_run_of(const Json& json, const std::string& where) {
  BenchRun run;
  run.threads = static_cast<int>(json_int(json, "threads", where));
  run.batch = static_cast<int>(json_int(json, "batch", where));
  run.kv = json_string(json, "kv", where, "");
  run.prompt = json_int(json, "prompt", where, 0);
  run.gen = json_int(json, "gen", where, 0);
  run.prefill_tokens_per_s.mean = json_number(json, "prefill_tokens_per_s", where);
  run.decode_tokens_per_s.mean = json_number(json, "decode_tokens_per_s", where);
  run.first_token_s.mean = json_number(json, "first_token_s", where, 0);
  run.load_s = json_number(json, "load_s", where, 0);
  run.peak_rss_bytes = count(json, "peak_rss_bytes", where);
  if (json_find(json, "decode_joules_per_token") != nullptr)
    run.decode_joules_per_token = json_number(json, "decode_joules_per_token", where);
  return run;
}

}  // namespace

EvalResult evaluation_of(const Json& json, const std::string& where) {
  EvalResult e;
  e.model = json_string(json, "model", where, "");
  e.reference = json_string(json, "reference", where, "");
  e.text = json_string(json, "text", where, "");
  e.ctx = json_int(json, "ctx", where, 0);
  e.reference_top_k = json_int(json, "reference_top_k", where, 0);
  e.tokens = json_int(json, "tokens", where, 0);
  e.scored = json_int(json, "scored", where, 0);
  e.perplexity = json_number(json, "perplexity", where);
  e.perplexity_stderr = json_number(json, "perplexity_stderr", where, 0);
  e.reference_perplexity = json_number(json, "reference_perplexity", where, 0);
  e.kl = divergence_of(json, where);
  return e;
}

QuantizeReport quantization_of(const Json& json, const std::string& where) {
  QuantizeReport report;
  report.source = json_string(json, "source", where, "");
  report.method = json_string(json, "method", where, "");
  report.scheme = json_string(json, "scheme", where, "");
  report.bits_per_weight = json_number(json, "bits_per_weight", where, 0);
  report.calibration_tokens = json_int(json, "calibration_tokens", where, 0);
  report.source_bytes = count(json, "source_bytes", where);
  report.output_bytes = count(json, "output_bytes", where);
  report.tuned = json_bool(json, "tuned", where, false);
  for (const Json& input : array(json, "inputs", where)) report.inputs.push_back(decision_of(input, where));
  for (const Json& linear : array(json, "linears", where)) report.linears.push_back(linear_of(linear, where));
  if (json_find(json, "blocks") != nullptr) {
    for (const Json& block : array(json, "blocks", where)) report.blocks.push_back(block_of(block, where));
  }
  if (const Json* evaluation = json_find(json, "evaluation"))
    report.evaluation = evaluation_of(*evaluation, where);
  if (json_find(json, "head_kl") != nullptr) report.head_kl = json_number(json, "head_kl", where);
  return report;
}

CompareResult comparison_of(const Json& json, const std::string& where) {
  CompareResult result;
  result.original = compared_of(member(json, "original", where), where);
  result.quantized = compared_of(member(json, "quantized", where), where);
  result.tokens = json_int(json, "tokens", where, 0);
  member(json, "kl", where);
  result.kl = *divergence_of(json, where);
  return result;
}

TrialsResult trials_of(const Json& json, const std::string& where) {
  TrialsResult result;
  result.text = json_string(json, "text", where, "");
  result.ctx = json_int(json, "ctx", where, 0);
  result.tokens = json_int(json, "tokens", where, 0);
  result.original = trial_of(member(json, "original", where), where);
  for (const Json& trial : array(json, "methods", where)) result.trials.push_back(trial_of(trial, where));
  return result;
}

TasksResult tasks_of(const Json& json, const std::string& where) {
  TasksResult result;
  result.model = json_string(json, "model", where, "");
  result.num_fewshot = json_int(json, "num_fewshot", where, 0);
  result.limit = json_int(json, "limit", where, 0);
  if (const Json* seed = json_find(json, "seed"); seed != nullptr && seed->is_number_unsigned())
    result.seed = seed->get<uint64_t>();
  result.questions = json_int(json, "questions", where, 0);
  for (const Json& task : array(json, "tasks", where)) {
    result.tasks.push_back({.task = json_string(task, "task", where),
                            .data = json_string(task, "data", where, ""),
                            .questions = json_int(task, "questions", where, 0),
                            .metrics = metrics_of(member(task, "metrics", where), where)});
  }
  for (const Json& group : array(json, "groups", where)) {
    GroupScore& score = result.groups.emplace_back();
    score.group = json_string(group, "group", where);
    score.tasks = json_int(group, "tasks", where, 0);
    score.questions = json_int(group, "questions", where, 0);
    if (json_find(group, "members") != nullptr) {  // written by earlier versions without
      for (const Json& name : array(group, "members", where)) {
        if (!name.is_string()) throw Error(ErrorKind::kBadModel, where + ":members", "expected names");
        score.members.push_back(name);
      }
    }
    score.metrics = metrics_of(member(group, "metrics", where), where);
  }
  const Json* timing = json_find(json, "timing");
  if (timing == nullptr) return result;
  result.seconds = json_number(*timing, "seconds", where, 0);
  result.resumed_questions = json_int(*timing, "resumed_questions", where, 0);
  result.computed_tokens = json_int(*timing, "computed_tokens", where, 0);
  result.peak_rss_bytes = count(*timing, "peak_rss_bytes", where);
  return result;
}

BenchResult benchmark_of(const Json& json, const std::string& where) {
  BenchResult result;
  result.model = json_string(json, "model", where);
  result.format = json_string(json, "format", where, "");
  result.file_bytes = count(json, "file_bytes", where);
  for (const Json& run : array(json, "runs", where)) result.runs.push_back(bench_run_of(run, where));
  return result;
}

SensitivityResult sensitivity_of(const Json& json, const std::string& where) {
  SensitivityResult result;
  result.model = json_string(json, "model", where, "");
  result.method = json_string(json, "method", where, "");
  result.scheme = json_string(json, "scheme", where, "");
  result.text = json_string(json, "text", where, "");
  result.ctx = json_int(json, "ctx", where, 0);
  result.tokens = json_int(json, "tokens", where, 0);
  for (const Json& l : array(json, "layers", where)) {
    result.layers.push_back({.module = json_string(l, "module", where),
                             .weights = json_int(l, "weights", where),
                             .bits_per_weight = json_number(l, "bits_per_weight", where),
                             .kl = json_number(l, "kl", where)});
  }
  return result;
}

}  // namespace fptq::report
