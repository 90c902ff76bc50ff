#include "tasks/task.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "fptq/error.h"
#include "fptq/suggest.h"
#include "fptq/tasks.h"
#include "tasks/sets/sets.h"
#include "tasks/user_task.h"

namespace fptq {
namespace {

// Subjects of MMLU's four groups, as lm-eval assigns them.
struct SubjectGroup {
  const char* name;
  std::vector<const char*> subjects;
};
const std::array<SubjectGroup, 4> kMmlu = {{
    {"mmlu_stem",
     {"abstract_algebra", "anatomy", "astronomy", "college_biology", "college_chemistry",
      "college_computer_science", "college_mathematics", "college_physics", "computer_security",
      "conceptual_physics", "electrical_engineering", "elementary_mathematics", "high_school_biology",
      "high_school_chemistry", "high_school_computer_science", "high_school_mathematics",
      "high_school_physics", "high_school_statistics", "machine_learning"}},
    {"mmlu_other",
     {"business_ethics", "clinical_knowledge", "college_medicine", "global_facts", "human_aging",
      "management", "marketing", "medical_genetics", "miscellaneous", "nutrition", "professional_accounting",
      "professional_medicine", "virology"}},
    {"mmlu_social_sciences",
     {"econometrics", "high_school_geography", "high_school_government_and_politics",
      "high_school_macroeconomics", "high_school_microeconomics", "high_school_psychology", "human_sexuality",
      "professional_psychology", "public_relations", "security_studies", "sociology", "us_foreign_policy"}},
    {"mmlu_humanities",
     {"formal_logic", "high_school_european_history", "high_school_us_history", "high_school_world_history",
      "international_law", "jurisprudence", "logical_fallacies", "moral_disputes", "moral_scenarios",
      "philosophy", "prehistory", "professional_law", "world_religions"}},
}};

std::vector<Task> all_tasks() {
  std::vector<Task> tasks = {lambada(),       hellaswag(),  piqa(),  winogrande(), arc_easy(),
                             arc_challenge(), openbookqa(), boolq(), social_iqa(), commonsense_qa()};
  for (const SubjectGroup& group : kMmlu) {
    for (const char* subject : group.subjects) tasks.push_back(mmlu_subject(subject));
  }
  return tasks;
}

std::vector<TaskGroup> all_groups() {
  std::vector<TaskGroup> groups;
  TaskGroup mmlu{"mmlu", {}, true};
  for (const SubjectGroup& subjects : kMmlu) {
    TaskGroup& group = groups.emplace_back(TaskGroup{subjects.name, {}, true});
    for (const std::string subject : subjects.subjects) group.members.push_back("mmlu_" + subject);
    mmlu.members.insert(mmlu.members.end(), group.members.begin(), group.members.end());
  }
  groups.push_back(std::move(mmlu));
  // The averages of FPTQ's tables and, with ARC-challenge, of most papers that came after it.
  groups.push_back({"commonsense_fptq", {"winogrande", "piqa", "hellaswag", "arc_easy"}});
  groups.push_back({"commonsense", {"piqa", "arc_easy", "arc_challenge", "hellaswag", "winogrande"}});
  return groups;
}

bool is_within(const TaskGroup& group, const TaskGroup& whole) {
  return group.by_size && std::ranges::all_of(group.members, [&](const std::string& member) {
           return std::ranges::find(whole.members, member) != whole.members.end();
         });
}

// What a call of select_tasks() collects.
class Selector {
 public:
  void add(const std::string& name) {
    if (name.ends_with(".yaml") || name.ends_with(".yml")) return add_task(read_user_task(name));
    const auto group = std::ranges::find(groups_, name, &TaskGroup::name);
    if (group != groups_.end()) return add_group(*group);
    const auto task = std::ranges::find(tasks_, name, &Task::name);
    if (task != tasks_.end()) return add_task(*task);
    const std::string meant = closest(name, task_names());
    throw Error(ErrorKind::kUsage, "--tasks",
                fmt::format("\"{}\" is no task{}", name.substr(0, 60),
                            meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant)),
                fmt::format("known are {}, mmlu_SUBJECT and FILE.yaml", fmt::join(short_names(), ", ")));
  }
  TaskSelection take() { return std::move(selection_); }

 private:
  void add_task(const Task& task) {
    if (std::ranges::find(selection_.tasks, task.name, &Task::name) == selection_.tasks.end())
      selection_.tasks.push_back(task);
  }
  void add_group(const TaskGroup& whole) {
    for (const std::string& member : whole.members) add_task(*std::ranges::find(tasks_, member, &Task::name));
    for (const TaskGroup& group : groups_) {
      const bool there =
          std::ranges::find(selection_.groups, group.name, &TaskGroup::name) != selection_.groups.end();
      if (!there && (group.name == whole.name || (whole.by_size && is_within(group, whole))))
        selection_.groups.push_back(group);
    }
  }
  std::vector<std::string> short_names() const {
    std::vector<std::string> names;
    for (const std::string& name : task_names()) {
      const bool subject =
          name.starts_with("mmlu_") && std::ranges::find(groups_, name, &TaskGroup::name) == groups_.end();
      if (!subject) names.push_back(name);
    }
    return names;
  }

  const std::vector<Task> tasks_ = all_tasks();
  const std::vector<TaskGroup> groups_ = all_groups();
  TaskSelection selection_;
};

}  // namespace

const char* metric_name(Metric metric) {
  switch (metric) {
    case Metric::kAccuracy:
      return "acc";
    case Metric::kAccuracyNorm:
      return "acc_norm";
    case Metric::kPerplexity:
      return "perplexity";
  }
  return "";
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const Task& task : all_tasks()) names.push_back(task.name);
  for (const TaskGroup& group : all_groups()) names.push_back(group.name);
  return names;
}

TaskSelection select_tasks(const std::vector<std::string>& names) {
  Selector selector;
  for (const std::string& name : names) selector.add(name);
  return selector.take();
}

}  // namespace fptq
