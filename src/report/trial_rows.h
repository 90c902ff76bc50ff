// Trials as rows: what reports over them share.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "fptq/trials.h"
#include "report/table.h"
#include "report/task_scores.h"

namespace fptq::report {

// The members of a trial without its schema; what is not known is null.
Json trial_members(const TrialResult& trial);

// Names of the fields of csv_row(), separated by commas.
std::string csv_header();
// One line without its end; what is not known is empty.
std::string csv_row(const TrialResult& trial);

// The tasks that trials answered: fields that may follow those of csv_header() and csv_row(), each with a
// comma before it.
std::vector<TaskColumn> task_columns(const std::vector<const TrialResult*>& trials);
std::string csv_task_header(const std::vector<TaskColumn>& columns);
std::string csv_task_fields(const std::vector<TaskColumn>& columns, const TrialResult& trial);

// One row each, their names under `title`; the columns of speed and tasks only where one was measured.
Table trial_table(const char* title, const std::vector<const TrialResult*>& trials);

// "name: reason" lines of the trials that failed, under a heading; empty when there are none.
std::string failure_lines(const std::vector<TrialResult>& trials);

// "8,192 tokens of TEXT in windows of 1,024"
std::string text_line(const TrialsResult& result);

}  // namespace fptq::report
