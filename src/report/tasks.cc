#include "fptq/tasks.h"

#include <fmt/format.h>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/table.h"
#include "report/text.h"

namespace fptq {
namespace {

Json metrics_of(const std::vector<MetricValue>& metrics) {
  Json json = Json::object();
  for (const MetricValue& metric : metrics) {
    json[metric.name] = metric.value;
    json[metric.name + "_stderr"] = metric.standard_error;
  }
  return json;
}

// Accuracies in percent, perplexities as they are.
std::string shown(const MetricValue& metric) {
  if (metric.name == "perplexity")
    return fmt::format("{} ± {}", report::fixed(metric.value, 3), report::fixed(metric.standard_error, 3));
  return fmt::format("{} ± {} %", report::fixed(metric.value * 100, 2),
                     report::fixed(metric.standard_error * 100, 2));
}

void add_rows(report::Table& table, const std::string& name, int64_t questions,
              const std::vector<MetricValue>& metrics) {
  bool first = true;
  for (const MetricValue& metric : metrics) {
    table.add({first ? name : "", metric.name, shown(metric), first ? report::grouped(questions) : ""});
    first = false;
  }
}

}  // namespace

std::string to_json(const TasksResult& result) {
  Json json = report::document("fptq.tasks.v1");
  json["model"] = result.model;
  json["num_fewshot"] = result.num_fewshot;
  if (result.limit > 0) json["limit"] = result.limit;
  json["seed"] = result.seed;
  json["questions"] = result.questions;
  json["tasks"] = Json::array();
  for (const TaskScore& task : result.tasks) {
    json["tasks"].push_back({{"task", task.task},
                             {"data", task.data},
                             {"questions", task.questions},
                             {"metrics", metrics_of(task.metrics)}});
  }
  json["groups"] = Json::array();
  for (const GroupScore& group : result.groups) {
    json["groups"].push_back({{"group", group.group},
                              {"tasks", group.tasks},
                              {"questions", group.questions},
                              {"metrics", metrics_of(group.metrics)}});
  }
  json["timing"] = {{"seconds", result.seconds},
                    {"resumed_questions", result.resumed_questions},
                    {"computed_tokens", result.computed_tokens},
                    {"peak_rss_bytes", result.peak_rss_bytes}};
  return report::dump(json);
}

std::string to_text(const TasksResult& result) {
  using namespace report;
  Table table({{"task"}, {"metric"}, {"value"}, {"questions", Table::Align::kRight}});
  for (const TaskScore& task : result.tasks) add_rows(table, task.task, task.questions, task.metrics);
  for (const GroupScore& group : result.groups)
    add_rows(table, fmt::format("{} ({})", group.group, times(group.tasks, "task")), group.questions,
             group.metrics);
  std::string out = table.render();
  out += fmt::format("\n{}, {}", result.num_fewshot == 0 ? "zero-shot" : times(result.num_fewshot, "shot"),
                     times(result.questions, "question"));
  if (result.resumed_questions > 0)
    out += fmt::format(" ({} of them answered before)", grouped(result.resumed_questions));
  out += fmt::format(", {} tokens computed, {}, peak memory {}\n", grouped(result.computed_tokens),
                     duration(result.seconds), bytes(result.peak_rss_bytes));
  return out;
}

}  // namespace fptq
