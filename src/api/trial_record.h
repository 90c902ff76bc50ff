// What is known about one trial, as a JSON file in the work folder (schema fptq.trial.v1). A step that is
// finished is written before the next begins.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "fptq/trials.h"

namespace fptq {

// The step that makes the model, and what can be said about it without running it.
struct TrialModel {
  std::string scheme;
  double bits_per_weight = 0;
  uint64_t file_bytes = 0;
  double seconds = 0;
  bool resumed = false;
  uint64_t peak_rss_bytes = 0;
};

struct TrialRecord {
  std::string fingerprint;  // of everything that determines the model
  std::string recipe;       // the same for people: a JSON object, or empty
  std::optional<TrialModel> model;
  std::map<std::string, EvalResult> evaluations;  // by what they were made on
  std::map<std::string, TrialSpeed> speeds;       // by how they were measured
  std::map<std::string, TasksResult> tasks;       // by what was asked
};

// The record of `fingerprint`, which is empty but for it where the file is missing, damaged or of another
// one.
TrialRecord load_record(const std::filesystem::path& path, const std::string& fingerprint);
// Replaces the file atomically.
void save_record(const std::filesystem::path& path, const TrialRecord& record);

}  // namespace fptq
