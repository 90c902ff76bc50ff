#include "report/trial_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "report/json_text.h"
#include "report/task_scores.h"
#include "report/text.h"

namespace fptq::report {
namespace {

constexpr const char* kNothing = "-";

std::string quantize_time(const TrialResult& t) {
  if (t.method.empty() || t.quantize_seconds <= 0) return kNothing;
  return (t.quantize_resumed ? "> " : "") + duration(t.quantize_seconds);
}

}  // namespace

Json trial_members(const TrialResult& t) {
  const auto known = [](bool is_known, const auto& value) { return is_known ? Json(value) : Json(nullptr); };
  const bool made = t.file_bytes > 0, quantized = made && !t.method.empty();
  Json json = {{"name", t.name},
               {"method", known(!t.method.empty(), t.method)},
               {"failure", known(!t.failure.empty(), t.failure)},
               {"model", known(!t.model.empty(), t.model)},
               {"scheme", known(made, t.scheme)},
               {"bits_per_weight", known(made, t.bits_per_weight)},
               {"file_bytes", known(made, t.file_bytes)},
               {"perplexity", nullptr},
               {"perplexity_stderr", nullptr},
               {"kl", nullptr},
               {"top1", nullptr}};
  if (t.evaluation) {
    json["perplexity"] = t.evaluation->perplexity;
    json["perplexity_stderr"] = t.evaluation->perplexity_stderr;
    if (t.evaluation->kl) add_divergence(json, *t.evaluation->kl);
  }
  if (t.tasks) {
    json["tasks"] = task_members(*t.tasks);
    json["scores"] = score_members(*t.tasks);
  }
  json["sample"] = t.speed ? Json(t.speed->sample) : Json(nullptr);
  Json& timing = json["timing"];
  timing = {{"reused", t.reused},
            {"quantize_seconds", known(quantized, t.quantize_seconds)},
            {"quantize_resumed", known(quantized, t.quantize_resumed)},
            {"quantize_peak_rss_bytes", known(quantized, t.quantize_peak_rss_bytes)}};
  if (t.speed) {
    timing["load_seconds"] = t.speed->load_seconds;
    timing["prefill_tokens_per_second"] = t.speed->prefill_tokens_per_second;
    timing["decode_tokens_per_second"] = t.speed->decode_tokens_per_second;
    timing["peak_rss_bytes"] = t.speed->peak_rss_bytes;
  }
  return json;
}

std::vector<TaskColumn> task_columns(const std::vector<const TrialResult*>& trials) {
  std::vector<TaskColumn> columns;
  for (const TrialResult* t : trials) {
    if (t->tasks) add_columns(columns, scored_tasks(*t->tasks));
  }
  return columns;
}

std::string csv_task_header(const std::vector<TaskColumn>& columns) {
  std::string out;
  for (const TaskColumn& column : columns) {
    const bool share = is_share({.name = column.metric});
    out += "," + csv_field(fmt::format("{}_{}{}", column.task, column.metric, share ? "_percent" : ""));
  }
  return out;
}

std::string csv_task_fields(const std::vector<TaskColumn>& columns, const TrialResult& trial) {
  const std::vector<ScoredTask> scored = trial.tasks ? scored_tasks(*trial.tasks) : std::vector<ScoredTask>{};
  std::string out;
  for (const TaskColumn& column : columns) {
    out += ",";
    if (const MetricValue* metric = value_in(column, scored))
      out += fmt::format("{}", metric->value * (is_share(*metric) ? 100 : 1));
  }
  return out;
}

std::string csv_header() {
  return "name,method,scheme,bits_per_weight,file_bytes,perplexity,perplexity_stderr,kl_mean,kl_p99,top1,"
         "quantize_seconds,quantize_peak_rss_bytes,load_seconds,prefill_tokens_per_second,"
         "decode_tokens_per_second,peak_rss_bytes,failure";
}

std::string csv_row(const TrialResult& t) {
  std::vector<std::string> fields = {csv_field(t.name), t.method, csv_field(t.scheme)};
  const auto add = [&](bool is_known, auto value) {
    fields.push_back(is_known ? fmt::format("{}", value) : std::string());
  };
  const bool made = t.file_bytes > 0, quantized = made && !t.method.empty();
  const EvalResult e = t.evaluation.value_or(EvalResult{});
  const Divergence kl = e.kl.value_or(Divergence{});
  const TrialSpeed speed = t.speed.value_or(TrialSpeed{});
  add(made, t.bits_per_weight);
  add(made, t.file_bytes);
  add(t.evaluation.has_value(), e.perplexity);
  add(t.evaluation.has_value(), e.perplexity_stderr);
  add(e.kl.has_value(), kl.mean);
  add(e.kl.has_value(), kl.p99);
  add(e.kl.has_value(), kl.top1);
  add(quantized, t.quantize_seconds);
  add(quantized, t.quantize_peak_rss_bytes);
  add(t.speed.has_value(), speed.load_seconds);
  add(t.speed.has_value(), speed.prefill_tokens_per_second);
  add(t.speed.has_value(), speed.decode_tokens_per_second);
  add(t.speed.has_value(), speed.peak_rss_bytes);
  fields.push_back(csv_field(t.failure));
  return fmt::format("{}", fmt::join(fields, ","));
}

Table trial_table(const char* title, const std::vector<const TrialResult*>& trials) {
  using Align = Table::Align;
  std::vector<Table::Column> columns = {{title}, {"scheme"}};
  const auto add_columns = [&](std::initializer_list<const char*> titles) {
    for (const char* name : titles) columns.push_back({name, Align::kRight});
  };
  add_columns({"bits", "size", "perplexity", "KL mean", "KL p99", "top-1", "quantize"});
  const bool speeds =
      std::any_of(trials.begin(), trials.end(), [](const TrialResult* t) { return t->speed.has_value(); });
  if (speeds) add_columns({"prefill t/s", "decode t/s", "memory"});
  std::vector<TaskColumn> tasks = task_columns(trials);
  std::erase_if(tasks, [](const TaskColumn& column) { return column.detail; });
  for (const TaskColumn& column : tasks) columns.push_back({column.title(), Align::kRight});
  Table table(columns);
  for (const TrialResult* t : trials) {
    const bool made = t->file_bytes > 0;
    const bool has_kl = t->evaluation && t->evaluation->kl;
    std::vector<std::string> cells = {t->name,
                                      !t->failure.empty() ? "failed" : t->scheme,
                                      made ? fixed(t->bits_per_weight, 2) : kNothing,
                                      made ? bytes(t->file_bytes) : kNothing,
                                      t->evaluation ? fixed(t->evaluation->perplexity, 3) : kNothing,
                                      has_kl ? fixed(t->evaluation->kl->mean, 4) : kNothing,
                                      has_kl ? fixed(t->evaluation->kl->p99, 3) : kNothing,
                                      has_kl ? percent(t->evaluation->kl->top1) : kNothing,
                                      quantize_time(*t)};
    if (speeds) {
      cells.push_back(t->speed ? fixed(t->speed->prefill_tokens_per_second, 1) : kNothing);
      cells.push_back(t->speed ? fixed(t->speed->decode_tokens_per_second, 1) : kNothing);
      cells.push_back(t->speed ? bytes(t->speed->peak_rss_bytes) : kNothing);
    }
    const std::vector<ScoredTask> scored = t->tasks ? scored_tasks(*t->tasks) : std::vector<ScoredTask>{};
    for (const TaskColumn& column : tasks) {
      const MetricValue* metric = value_in(column, scored);
      cells.push_back(metric != nullptr ? shown(*metric) : kNothing);
    }
    table.add(std::move(cells));
  }
  return table;
}

std::string failure_lines(const std::vector<TrialResult>& trials) {
  std::string out;
  for (const TrialResult& t : trials) {
    if (!t.failure.empty()) out += fmt::format("- {}: {}\n", printable(t.name), printable(t.failure));
  }
  return out.empty() ? out : "\nfailed:\n\n" + out;
}

std::string text_line(const TrialsResult& result) {
  return fmt::format("{} tokens of {} in windows of {}", grouped(result.tokens), printable(result.text),
                     grouped(result.ctx));
}

}  // namespace fptq::report
