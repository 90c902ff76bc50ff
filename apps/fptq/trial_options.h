// Options of the commands that run many trials, and what these commands end with.
#pragma once

#include <vector>

#include "command_line.h"
#include "fptq/trials.h"

namespace fptq::app {

struct TrialFlags {
  TrialOptions options;
  std::string keep = "all";  // at the call of add_work_folder(): the default
};

// --work and --keep.
void add_work_folder(CommandLine& line, TrialFlags& flags);
// To call after parse(). The work folder, where none was given, is "NAME.SUFFIX" in the current one, NAME
// being the model's.
void finish_trial_options(const std::string& model, const std::string& suffix, TrialFlags& flags);

// Other forms of a table than the one for a terminal.
struct TableForm {
  bool json = false, markdown = false, csv = false;
};
// --md and --csv; --json is everywhere.
void add_table_forms(CommandLine& line, TableForm& form);
void check_table_forms(const CommandLine& line);

// 0, or after a line on stderr 1 when one of them failed. Results must have been printed.
int exit_code(const std::vector<TrialResult>& trials);

}  // namespace fptq::app
