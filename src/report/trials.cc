#include <fmt/format.h>

#include "fptq/report.h"
#include "report/json_text.h"
#include "report/text.h"
#include "report/trial_rows.h"

namespace fptq {
namespace {

using namespace report;

std::vector<const TrialResult*> rows_of(const TrialsResult& result) {
  std::vector<const TrialResult*> rows = {&result.original};
  for (const TrialResult& trial : result.trials) rows.push_back(&trial);
  return rows;
}

Table table_of(const TrialsResult& result) {
  return trial_table("method", rows_of(result));
}

std::string heading(const TrialsResult& result) {
  return fmt::format("{}; {}\n\n", printable(result.original.model), text_line(result));
}

}  // namespace

std::string to_json(const TrialsResult& result) {
  Json json = document("fptq.compare_methods.v1");
  json["text"] = result.text;
  json["ctx"] = result.ctx;
  json["tokens"] = result.tokens;
  json["original"] = trial_members(result.original);
  json["methods"] = Json::array();
  for (const TrialResult& trial : result.trials) json["methods"].push_back(trial_members(trial));
  return dump(json);
}

std::string to_text(const TrialsResult& result) {
  return heading(result) + table_of(result).render() + failure_lines(result.trials);
}

std::string to_markdown(const TrialsResult& result) {
  return heading(result) + table_of(result).markdown() + failure_lines(result.trials);
}

std::string to_csv(const TrialsResult& result) {
  const std::vector<const TrialResult*> rows = rows_of(result);
  const std::vector<TaskColumn> tasks = task_columns(rows);
  std::string out = csv_header() + csv_task_header(tasks) + "\n";
  for (const TrialResult* trial : rows) out += csv_row(*trial) + csv_task_fields(tasks, *trial) + "\n";
  return out;
}

}  // namespace fptq
