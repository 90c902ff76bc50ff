#include "report/task_scores.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/text.h"

namespace fptq {
namespace {

// Tables for people show so many tasks of a group beside it.
constexpr int64_t kMostMembers = 8;

}  // namespace

std::vector<ScoredTask> scored_tasks(const TasksResult& result) {
  const auto is_detail = [&](const TaskScore& task) {
    return std::ranges::any_of(result.groups, [&](const GroupScore& group) {
      return group.tasks > kMostMembers && std::ranges::count(group.members, task.task) > 0;
    });
  };
  std::vector<ScoredTask> scored;
  for (const TaskScore& task : result.tasks) {
    scored.push_back(
        {task.task, task.questions, result.num_fewshot, result.limit, is_detail(task), task.metrics});
  }
  for (const GroupScore& group : result.groups)
    scored.push_back({group.group, group.questions, result.num_fewshot, result.limit, false, group.metrics});
  return scored;
}

namespace report {

const MetricValue& main_metric(const std::vector<MetricValue>& metrics) {
  for (const char* name : {"acc_norm", "acc"}) {
    const auto found = std::ranges::find(metrics, name, &MetricValue::name);
    if (found != metrics.end()) return *found;
  }
  return metrics.front();
}

bool is_share(const MetricValue& metric) {
  return metric.name != "perplexity";
}

std::string shown(const MetricValue& metric) {
  return is_share(metric) ? percent(metric.value, 2) : fixed(metric.value, 3);
}

std::string shown_with_error(const MetricValue& metric) {
  if (!is_share(metric))
    return fmt::format("{} ± {}", fixed(metric.value, 3), fixed(metric.standard_error, 3));
  return fmt::format("{} ± {} %", fixed(metric.value * 100, 2), fixed(metric.standard_error * 100, 2));
}

void add_columns(std::vector<TaskColumn>& columns, const std::vector<ScoredTask>& tasks) {
  for (const ScoredTask& task : tasks) {
    if (task.metrics.empty() || std::ranges::count(columns, task.name, &TaskColumn::task) > 0) continue;
    columns.push_back({task.name, main_metric(task.metrics).name, task.detail});
  }
}

std::vector<TaskColumn> shown_columns(const RunReport& report) {
  std::vector<TaskColumn> columns;
  add_columns(columns, report.original.tasks);
  for (const Run& run : report.runs) add_columns(columns, run.tasks);
  std::erase_if(columns, [](const TaskColumn& column) { return column.detail; });
  return columns;
}

const MetricValue* value_in(const TaskColumn& column, const std::vector<ScoredTask>& tasks) {
  const auto task = std::ranges::find(tasks, column.task, &ScoredTask::name);
  if (task == tasks.end()) return nullptr;
  const auto metric = std::ranges::find(task->metrics, column.metric, &MetricValue::name);
  return metric == task->metrics.end() ? nullptr : &*metric;
}

Json metric_members(const std::vector<MetricValue>& metrics) {
  Json json = Json::object();
  for (const MetricValue& metric : metrics) {
    json[metric.name] = metric.value;
    json[metric.name + "_stderr"] = metric.standard_error;
  }
  return json;
}

Json task_members(const TasksResult& result) {
  Json json = {{"num_fewshot", result.num_fewshot}};
  if (result.limit > 0) json["limit"] = result.limit;
  json["seed"] = result.seed;
  json["questions"] = result.questions;
  json["tasks"] = Json::array();
  for (const TaskScore& task : result.tasks) {
    json["tasks"].push_back({{"task", task.task},
                             {"data", task.data},
                             {"questions", task.questions},
                             {"metrics", metric_members(task.metrics)}});
  }
  json["groups"] = Json::array();
  for (const GroupScore& group : result.groups) {
    json["groups"].push_back({{"group", group.group},
                              {"tasks", group.tasks},
                              {"members", group.members},
                              {"questions", group.questions},
                              {"metrics", metric_members(group.metrics)}});
  }
  return json;
}

Json score_members(const TasksResult& result) {
  Json json = Json::array();
  for (const ScoredTask& task : scored_tasks(result)) {
    if (task.metrics.empty()) continue;
    const MetricValue& metric = main_metric(task.metrics);
    const double unit = is_share(metric) ? 100 : 1;
    json.push_back({{"task", task.name},
                    {"metric", metric.name},
                    {"unit", is_share(metric) ? Json("percent") : Json(nullptr)},
                    {"value", metric.value * unit},
                    {"stderr", metric.standard_error * unit}});
  }
  return json;
}

}  // namespace report
}  // namespace fptq
