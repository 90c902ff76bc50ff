// Benchmarks of multiple-choice and cloze questions, as lm-evaluation-harness puts and counts them
// (docs/tasks.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fptq/progress.h"

namespace fptq {

struct TaskOptions {
  std::vector<std::string> tasks;      // names of tasks and groups, and YAML files of the user's
  std::vector<std::string> data = {};  // folders to look for files in; none: see src/tasks/data_folders.h
  int64_t num_fewshot = 0;             // examples before each question
  int64_t limit = 0;                   // use only the first so many questions of each task; 0: all
  uint64_t seed = 1234;                // of drawing examples and of the bootstrap
  std::string answers;                 // file of single answers, which a killed run goes on from; empty: none
  std::string kv = "auto";             // auto (as the checkpoint says) or a name of kv_names()
  int threads = 0;
};

struct MetricValue {
  std::string name = {};  // acc, acc_norm, perplexity
  double value = 0;
  double standard_error = 0;  // bootstrapped
};

struct TaskScore {
  std::string task = {};
  std::string data = {};  // path of the file
  int64_t questions = 0;
  std::vector<MetricValue> metrics = {};
};

struct GroupScore {
  std::string group = {};
  int64_t tasks = 0, questions = 0;
  std::vector<std::string> members = {};  // its tasks
  std::vector<MetricValue> metrics = {};
};

struct TasksResult {
  std::string model;
  int64_t num_fewshot = 0, limit = 0;
  uint64_t seed = 0;
  int64_t questions = 0;
  std::vector<TaskScore> tasks;
  std::vector<GroupScore> groups;
  int64_t resumed_questions = 0;  // found answered in the file
  int64_t computed_tokens = 0;    // that went through the model in this run
  double seconds = 0;
  uint64_t peak_rss_bytes = 0;
};

// A task or a group with how it was put: what stands beside the same of other models.
struct ScoredTask {
  std::string name = {};
  int64_t questions = 0, num_fewshot = 0, limit = 0;
  bool detail = false;  // one of many tasks of a group: tables for people show the group alone
  std::vector<MetricValue> metrics = {};
};

// The tasks of `result`, then its groups.
std::vector<ScoredTask> scored_tasks(const TasksResult& result);

// Names of all tasks and groups.
std::vector<std::string> task_names();

// Throws Error(kUsage) for unknown names or a file of other answers, Error(kIo) naming the data file that is
// missing and where to get it, Error(kBadModel) for malformed data.
TasksResult evaluate_tasks(const std::string& model, const TaskOptions& options,
                           Progress& progress = no_progress());

}  // namespace fptq
