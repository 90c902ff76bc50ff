// Scores of benchmarks in tables of models: a column for each task and group, which holds one metric.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "fptq/run_report.h"
#include "fptq/tasks.h"

namespace fptq::report {

// What stands for a task where there is room for one figure: acc_norm where it is counted, else acc, else the
// first. `metrics` is not empty.
const MetricValue& main_metric(const std::vector<MetricValue>& metrics);

// Whether it is a share of the questions, shown in percent.
bool is_share(const MetricValue& metric);
// "45.20 %", or a perplexity "12.345".
std::string shown(const MetricValue& metric);
// "45.20 ± 1.23 %"
std::string shown_with_error(const MetricValue& metric);

struct TaskColumn {
  std::string task, metric;
  bool detail = false;

  std::string title() const { return task + " " + metric; }
};

// Adds columns for those of `tasks` that have none yet. Tasks without metrics get none.
void add_columns(std::vector<TaskColumn>& columns, const std::vector<ScoredTask>& tasks);
// Columns of tables that people read: of the original's tasks and all runs', without details.
std::vector<TaskColumn> shown_columns(const RunReport& report);
// The metric of the column, or null where `tasks` lack it.
const MetricValue* value_in(const TaskColumn& column, const std::vector<ScoredTask>& tasks);

// {"acc": 0.5, "acc_stderr": 0.1}
Json metric_members(const std::vector<MetricValue>& metrics);
// Questions, tasks and groups as `fptq eval --tasks --json` writes them, without schema, model and timing.
Json task_members(const TasksResult& result);
// The main metric of each task and group, in percent where it is a share.
Json score_members(const TasksResult& result);

}  // namespace fptq::report
