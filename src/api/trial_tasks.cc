#include "api/trial_tasks.h"

#include <fmt/format.h>

#include "api/model_identity.h"
#include "base/hash.h"
#include "tasks/run_tasks.h"

namespace fptq {
namespace fs = std::filesystem;

TrialTasks::TrialTasks(const TrialOptions& options) : options_(options.tasks) {
  options_.kv = "auto";
  options_.threads = options.threads;
  if (!asked()) return;
  check_options(options_);
  key_ = tasks_key(options_);
}

TasksResult TrialTasks::of(const std::string& model, const fs::path& record, Progress& progress) const {
  TaskOptions options = options_;
  // Named after all that answers depend on: a model that was made anew begins another file.
  Hasher hasher;
  hasher.add(key_).add(model_identity(model));
  fs::path answers = record;
  answers.replace_extension(fmt::format("{}.answers.jsonl", hasher.hex().substr(0, 12)));
  options.answers = answers.string();
  TasksResult result = evaluate_tasks(model, options, progress);
  result.model.clear();
  return result;
}

}  // namespace fptq
