// Benchmarks that every model of a run of trials answers.
#pragma once

#include <filesystem>
#include <string>

#include "fptq/trials.h"

namespace fptq {

class TrialTasks {
 public:
  // Reads the questions, so that what is wrong with them is thrown, as by evaluate_tasks(), before anything
  // is made.
  explicit TrialTasks(const TrialOptions& options);

  bool asked() const { return !options_.tasks.empty(); }
  // Names questions and options.
  const std::string& key() const { return key_; }
  // Answers are kept in a file beside `record`, the trial's own: a run that was killed goes on from them.
  TasksResult of(const std::string& model, const std::filesystem::path& record, Progress& progress) const;

 private:
  TaskOptions options_;
  std::string key_;
};

}  // namespace fptq
