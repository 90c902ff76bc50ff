// A benchmark: where its questions come from, how they are put, and what is counted.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tasks/question.h"

namespace fptq {

enum class Metric : uint8_t {
  kAccuracy,      // the right choice has the highest log-likelihood; a cloze: its tokens are the greedy ones
  kAccuracyNorm,  // the same with log-likelihoods divided by the choices' lengths in code points
  kPerplexity,    // exp of the mean negative log-likelihood of the target (not of its tokens)
};
const char* metric_name(Metric metric);

// A file in which questions may come, and how it is read. `path` is relative to a folder of data. `read`
// throws Error(kIo, kBadModel) naming file and line.
struct Layout {
  std::string path = {};
  std::function<std::vector<Item>(const std::filesystem::path&)> read;
};

struct Task {
  std::string name = {};
  std::vector<Metric> metrics = {};
  Question (*question)(const Item&) = nullptr;
  std::vector<Layout> test = {};      // of the split that lm-eval scores, tried in this order
  std::vector<Layout> examples = {};  // of the split that few-shot examples are drawn from; none: `test`
  std::string source = {};            // where to get the data
  std::string description = {};       // stands before the first example
  std::string delimiter = " ";        // between context and answer
  bool first_examples = false;        // the first ones in their order instead of drawn ones
  // Examples are drawn one more than asked for, and the question itself is left out of them: lm-eval's rule
  // where the scored split is one for validation.
  bool leaves_out_question = false;
  bool cloze = false;  // one continuation, which brings its own leading space
};

// Results of several tasks as one.
struct TaskGroup {
  std::string name = {};
  std::vector<std::string> members = {};  // tasks
  bool by_size = false;                   // the mean over questions; otherwise the mean over tasks
};

// What names ask for: tasks in the order of the names, each once, and the groups that were named (or are part
// of one that was).
struct TaskSelection {
  std::vector<Task> tasks;
  std::vector<TaskGroup> groups;
};

// A name ending in .yaml or .yml is the path of a user's task (tasks/user_task.h). Throws Error(kUsage) for a
// name that is neither a task nor a group, and whatever reading a user's task throws.
TaskSelection select_tasks(const std::vector<std::string>& names);

}  // namespace fptq
