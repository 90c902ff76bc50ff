#include "fptq/tasks.h"

#include <fmt/format.h>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/table.h"
#include "report/task_scores.h"
#include "report/text.h"

namespace fptq {
namespace {

void add_rows(report::Table& table, const std::string& name, int64_t questions,
              const std::vector<MetricValue>& metrics) {
  bool first = true;
  for (const MetricValue& metric : metrics) {
    table.add({first ? name : "", metric.name, report::shown_with_error(metric),
               first ? report::grouped(questions) : ""});
    first = false;
  }
}

}  // namespace

std::string to_json(const TasksResult& result) {
  Json json = report::document("fptq.tasks.v1");
  json["model"] = result.model;
  json.update(report::task_members(result));
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
