#include "trial_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "common_options.h"
#include "console.h"
#include "fptq/error.h"

namespace fptq::app {

void add_work_folder(CommandLine& line, TrialFlags& flags) {
  line.text("--work", "DIR", flags.options.work, "folder of results and quantized models");
  line.choice("--keep", flags.keep, {"all", "best", "none"}, "models to keep in it; best: of the lowest KL");
}

void finish_trial_options(const std::string& model, const std::string& suffix, TrialFlags& flags) {
  TrialOptions& o = flags.options;
  o.keep = flags.keep == "all"    ? KeepModels::kAll
           : flags.keep == "best" ? KeepModels::kBest
                                  : KeepModels::kNone;
  if (!o.work.empty()) return;
  std::error_code ignored;
  const std::filesystem::path path = std::filesystem::weakly_canonical(model, ignored);
  o.work = (path.extension() == ".gguf" ? path.stem() : path.filename()).string() + "." + suffix;
}

void add_table_forms(CommandLine& line, TableForm& form) {
  line.flag("--md", form.markdown, "print a Markdown table");
  line.flag("--csv", form.csv, "print comma-separated values");
}

void check_table_forms(const CommandLine& line) {
  line.exclude("--json", "--md", "one form at a time");
  line.exclude("--json", "--csv", "one form at a time");
  line.exclude("--md", "--csv", "one form at a time");
}

int exit_code(const std::vector<TrialResult>& trials) {
  const auto failed = std::ranges::count_if(trials, [](const TrialResult& t) { return !t.failure.empty(); });
  if (failed == 0) return 0;
  flush_results();
  log(fmt::format("fptq: {} of {} failed; the reasons are in the table", failed, trials.size()));
  return static_cast<int>(ErrorKind::kFailure);
}

}  // namespace fptq::app
