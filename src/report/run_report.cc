#include "fptq/run_report.h"

#include <fmt/format.h>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/quantization_json.h"
#include "report/table.h"
#include "report/task_scores.h"
#include "report/text.h"
#include "report/verdict.h"

namespace fptq {
namespace {

using namespace report;

Json speed_members(const RunSpeed& s) {
  Json json = {{"load_seconds", s.load_seconds},
               {"first_token_seconds", s.first_token_seconds},
               {"prefill_tokens_per_second", s.prefill_tokens_per_second},
               {"decode_tokens_per_second", s.decode_tokens_per_second},
               {"ms_per_token", s.ms_per_token},
               {"peak_rss_bytes", s.peak_rss_bytes},
               {"conditions", s.conditions}};
  json["decode_joules_per_token"] =
      s.decode_joules_per_token ? Json(*s.decode_joules_per_token) : Json(nullptr);
  return json;
}

Json run_members(const Run& run) {
  const auto text = [](const std::string& s) { return s.empty() ? Json(nullptr) : Json(s); };
  Json json = {{"name", run.name},
               {"model", text(run.model)},
               {"method", text(run.method)},
               {"scheme", text(run.scheme)},
               {"grade", grade_name(grade(run))},
               {"bits_per_weight", run.bits_per_weight > 0 ? Json(run.bits_per_weight) : Json(nullptr)},
               {"file_bytes", run.file_bytes > 0 ? Json(run.file_bytes) : Json(nullptr)},
               {"failure", text(run.failure)},
               {"evaluation", nullptr},
               {"speed", nullptr},
               {"tasks", Json::array()}};
  if (run.evaluation) {
    json["evaluation"] = evaluation_members(*run.evaluation);
    json["evaluation"].erase("timing");
  }
  if (run.speed) json["speed"] = speed_members(*run.speed);
  for (const ScoredTask& task : run.tasks) {
    json["tasks"].push_back({{"task", task.name},
                             {"questions", task.questions},
                             {"num_fewshot", task.num_fewshot},
                             {"metrics", metric_members(task.metrics)}});
  }
  if (run.quantization) {
    const QuantizeReport& q = *run.quantization;
    json["calibration_tokens"] = q.calibration_tokens;
    json["tuned"] = q.tuned;
    json["inputs"] = to_list(q.inputs);
    json["linears"] = to_list(q.linears);
    json["blocks"] = to_list(q.blocks);
  }
  return json;
}

// "run,part,layer,name,metric,value"
class Lines {
 public:
  explicit Lines(const std::string& run) : run_(csv_field(run)) {}
  void add(const char* part, const std::string& layer, const std::string& name, const char* metric,
           double value) {
    out_ += fmt::format("{},{},{},{},{},{}\n", run_, part, layer, csv_field(name), metric, value);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string run_, out_;
};

void add_model(Lines& lines, const Run& run) {
  const auto add = [&](const char* metric, double value) {
    if (value > 0) lines.add("model", "", "", metric, value);
  };
  add("bits_per_weight", run.bits_per_weight);
  add("file_bytes", static_cast<double>(run.file_bytes));
  if (run.evaluation) {
    add("perplexity", run.evaluation->perplexity);
    if (const auto& kl = run.evaluation->kl) {
      lines.add("model", "", "", "kl_mean", kl->mean);
      lines.add("model", "", "", "kl_median", kl->median);
      lines.add("model", "", "", "kl_p95", kl->p95);
      lines.add("model", "", "", "kl_p99", kl->p99);
      lines.add("model", "", "", "kl_max", kl->max);
      lines.add("model", "", "", "top1", kl->top1);
    }
  }
  if (!run.speed) return;
  add("load_seconds", run.speed->load_seconds);
  add("first_token_seconds", run.speed->first_token_seconds);
  add("prefill_tokens_per_second", run.speed->prefill_tokens_per_second);
  add("decode_tokens_per_second", run.speed->decode_tokens_per_second);
  add("ms_per_token", run.speed->ms_per_token);
  add("peak_rss_bytes", static_cast<double>(run.speed->peak_rss_bytes));
  add("decode_joules_per_token", run.speed->decode_joules_per_token.value_or(0));
}

void add_tasks(Lines& lines, const Run& run) {
  for (const ScoredTask& task : run.tasks) {
    for (const MetricValue& metric : task.metrics) {
      lines.add("task", "", task.name, metric.name.c_str(), metric.value);
      lines.add("task", "", task.name, (metric.name + "_stderr").c_str(), metric.standard_error);
    }
  }
}

void add_layers(Lines& lines, const QuantizeReport& q) {
  for (const LinearReport& l : q.linears) {
    const auto add = [&](const char* metric, double value) {
      lines.add("linear", "", l.module, metric, value);
    };
    add("bits", l.bits);
    if (l.bits == 0) continue;
    add("group_size", static_cast<double>(l.group_size));
    add("weights", static_cast<double>(l.weights));
    add("sqnr_db", l.sqnr_db);
    add("relative_error", l.relative_error);
    add("clipped_share", l.clipped_share);
    add("smallest_scale", l.smallest_scale);
    add("largest_scale", l.largest_scale);
  }
  for (const InputDecision& d : q.inputs) {
    const auto add = [&](const char* metric, double value) {
      lines.add("input", fmt::format("{}", d.layer), d.input, metric, value);
    };
    add("equalized", d.equalized ? 1 : 0);
    add("static", d.activation == "static" ? 1 : 0);
    if (d.activation == "static") add("scale", d.scale);
    const InputProfile& p = d.profile;
    if (p.tokens == 0) continue;
    add("largest_before", p.before.largest);
    add("largest_after", p.after.largest);
    add("median_before", p.before.median);
    add("median_after", p.after.median);
    add("kurtosis", p.kurtosis);
    add("outlier_channels", static_cast<double>(p.outlier_channels));
    add("massive_tokens", static_cast<double>(p.massive_tokens));
  }
  for (const BlockReport& b : q.blocks)
    lines.add("block", fmt::format("{}", b.layer), "", "output_sqnr_db", b.output_sqnr_db);
}

Table runs_table(const RunReport& report) {
  using Align = Table::Align;
  Table table({{"run"},
               {"scheme"},
               {"bits", Align::kRight},
               {"size", Align::kRight},
               {"perplexity", Align::kRight},
               {"KL mean", Align::kRight},
               {"KL p99", Align::kRight},
               {"top-1", Align::kRight},
               {"decode, tokens/s", Align::kRight},
               {"memory", Align::kRight},
               {"grade"}});
  const auto add = [&](const Run& run) {
    const EvalResult* e = run.evaluation ? &*run.evaluation : nullptr;
    const Divergence* kl = e != nullptr && e->kl ? &*e->kl : nullptr;
    const bool timed = run.speed && run.speed->decode_tokens_per_second > 0;
    table.add({run.name, run.failure.empty() ? run.scheme : "failed: " + run.failure,
               run.bits_per_weight > 0 ? fixed(run.bits_per_weight, 2) : "-",
               run.file_bytes > 0 ? bytes(run.file_bytes) : "-", e != nullptr ? fixed(e->perplexity, 3) : "-",
               kl != nullptr ? fixed(kl->mean, 4) : "-", kl != nullptr ? fixed(kl->p99, 3) : "-",
               kl != nullptr ? percent(kl->top1) : "-",
               timed ? fixed(run.speed->decode_tokens_per_second, 1) : "-",
               timed ? bytes(run.speed->peak_rss_bytes) : "-",
               &run == &report.original ? "reference" : grade_words(grade(run))});
  };
  add(report.original);
  for (const Run& run : report.runs) add(run);
  return table;
}

// What the models answered, or empty.
std::string task_table(const RunReport& report) {
  const std::vector<TaskColumn> tasks = shown_columns(report);
  if (tasks.empty()) return "";
  std::vector<Table::Column> columns = {{"run"}};
  for (const TaskColumn& column : tasks) columns.push_back({column.title(), Table::Align::kRight});
  Table table(columns);
  const auto add = [&](const Run& run) {
    if (run.tasks.empty()) return;
    std::vector<std::string> cells = {run.name};
    for (const TaskColumn& column : tasks) {
      const MetricValue* metric = value_in(column, run.tasks);
      cells.push_back(metric != nullptr ? shown_with_error(*metric) : "-");
    }
    table.add(std::move(cells));
  };
  add(report.original);
  for (const Run& run : report.runs) add(run);
  return "\n## Benchmarks\n\n" + table.markdown();
}

// A recipe as an indented block, which no contents can end.
std::string indented(const std::string& text) {
  std::string out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    out += "       " + printable(std::string_view(text).substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return out;
}

}  // namespace

std::string to_json(const RunReport& report) {
  Json json = document("fptq.report.v1");
  json["title"] = report.title;
  json["original"] = run_members(report.original);
  json["runs"] = Json::array();
  for (const Run& run : report.runs) json["runs"].push_back(run_members(run));
  json["sensitivities"] = Json::array();
  for (const SensitivityResult& s : report.sensitivities)
    json["sensitivities"].push_back(parse_json(to_json(s), "sensitivity"));
  const Verdict& v = report.verdict;
  json["verdict"] = {{"headline", v.headline},
                     {"sentences", v.sentences},
                     {"focus", v.focus.empty() ? Json(nullptr) : Json(v.focus)},
                     {"advice", Json::array()}};
  for (const Advice& a : v.advice) {
    json["verdict"]["advice"].push_back(
        {{"what", a.what}, {"why", a.why}, {"bits", a.bits}, {"recipe", a.recipe}, {"options", a.options}});
  }
  json["warnings"] = report.warnings;
  return dump(json);
}

std::string to_csv(const RunReport& report) {
  std::string out = "run,part,layer,name,metric,value\n";
  const auto add = [&](const Run& run) {
    Lines lines(run.name);
    add_model(lines, run);
    add_tasks(lines, run);
    if (run.quantization) add_layers(lines, *run.quantization);
    out += lines.take();
  };
  add(report.original);
  for (const Run& run : report.runs) add(run);
  for (const SensitivityResult& s : report.sensitivities) {
    Lines lines(s.method + " " + s.scheme);
    for (const LayerSensitivity& l : s.layers) lines.add("sensitivity", "", l.module, "kl", l.kl);
    out += lines.take();
  }
  return out;
}

std::string to_markdown(const RunReport& report) {
  const Verdict& v = report.verdict;
  std::string out =
      fmt::format("# Quantizing {}\n\n**{}**\n\n", printable(report.title), printable(v.headline));
  for (const std::string& s : v.sentences) out += printable(s) + "\n\n";
  out += runs_table(report).markdown() + task_table(report);
  if (!v.advice.empty()) out += "\n## What to change first\n\n";
  for (const Advice& a : v.advice) {
    out += fmt::format("1. **{}** {} {}\n", printable(a.what),
                       a.bits > 0 ? fmt::format("+{} bits per weight.", fixed(a.bits, 3)) : "No more bits.",
                       printable(a.why));
    if (!a.recipe.empty()) out += "\n" + indented(a.recipe);
    if (!a.options.empty()) out += fmt::format("   `fptq quantize {}`\n", printable(a.options));
  }
  for (const std::string& w : report.warnings) out += fmt::format("\nBeware: {}\n", printable(w));
  for (const Run& run : report.runs) {
    if (!run.evaluation || !run.evaluation->kl) continue;
    const EvalResult& e = *run.evaluation;
    out += fmt::format("\nMeasured on {} tokens of {}.\n", grouped(e.tokens),
                       e.text.empty() ? "a text" : printable(e.text));
    break;
  }
  return out;
}

}  // namespace fptq
