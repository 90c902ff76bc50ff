#include "tasks/run_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/hash.h"
#include "fptq/error.h"
#include "tasks/answer_file.h"
#include "tasks/answers.h"
#include "tasks/batches.h"
#include "tasks/data_folders.h"
#include "tasks/prompts.h"

namespace fptq {
namespace {

// A task with its questions ready to be put.
struct Loaded {
  Task task;
  std::filesystem::path file;
  std::vector<Prompt> prompts;
};

Loaded load(const Task& task, const DataFolders& folders, const TaskOptions& options) {
  FoundData data = folders.load(task, task.test);
  std::vector<Item> examples;
  if (options.num_fewshot > 0)
    examples = task.examples.empty() ? data.items : folders.load(task, task.examples).items;
  return {task, data.path,
          make_prompts(task, data.items, examples, {options.num_fewshot, options.seed}, options.limit)};
}

std::vector<Loaded> load(const TaskSelection& selection, const TaskOptions& options) {
  const DataFolders folders(options.data);
  std::vector<Loaded> tasks;
  for (const Task& task : selection.tasks) tasks.push_back(load(task, folders, options));
  return tasks;
}

// Lengths keep "ab", "c" apart from "a", "bc".
void add_text(Hasher& hasher, std::string_view text) {
  hasher.add(fmt::format("{}:", text.size())).add(text);
}

void add_questions(Hasher& hasher, const std::vector<Loaded>& tasks) {
  const auto add = [&](std::string_view text) { add_text(hasher, text); };
  for (const Loaded& loaded : tasks) {
    add(loaded.task.name);
    for (const Prompt& prompt : loaded.prompts) {
      for (const TextRequest& request : prompt.requests) {
        add(request.context);
        add(request.continuation);
      }
      add(fmt::format("{}", prompt.answer));
    }
  }
}

// All that answers depend on, in 32 digits.
std::string run_key(const std::vector<Loaded>& tasks, const std::string& identity, KvType kv) {
  Hasher hasher;
  add_text(hasher, identity);
  add_text(hasher, fmt::format("{}", static_cast<int>(kv)));
  add_questions(hasher, tasks);
  return hasher.hex();
}

std::vector<RequestGroup> encode(const Loaded& loaded, const Tokenizer& tokenizer, const EncodeRules& rules,
                                 ThreadPool& pool) {
  std::vector<RequestGroup> groups(loaded.prompts.size());
  pool.parallel_for(std::ssize(groups), 8, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const size_t i = static_cast<size_t>(n);
      const std::string where = fmt::format("{}:question {}", loaded.file.string(), n + 1);
      for (const TextRequest& request : loaded.prompts[i].requests)
        groups[i].push_back(encode_request(tokenizer, request, rules, where));
    }
  });
  return groups;
}

EncodeRules encode_rules(const ModelConfig& config) {
  EncodeRules rules{.prefix = {}, .max_inputs = config.max_position};
  if (config.bos_id >= 0) {
    rules.prefix = config.bos_id;
  } else if (!config.eos_ids.empty()) {
    rules.prefix = config.eos_ids.front();
  }
  return rules;
}

// Puts one task after the other to the model, beginning with what the file already has.
class Run {
 public:
  Run(Model& model, KvType kv, AnswerFile& file, int64_t questions, Progress& progress)
      : scorer_(model, kv), file_(file), questions_(questions), progress_(progress) {}

  std::vector<Answer> ask(const Loaded& loaded, std::span<const RequestGroup> groups) {
    std::vector<Answer> answers;
    for (const Batch& batch : plan_batches(groups)) {
      progress_.update(asked_, loaded.task.name);
      const int64_t count = batch.end - batch.begin;
      if (take_found(loaded, batch, answers)) {
        resumed_ += count;
      } else {
        compute(loaded, groups, batch, answers);
      }
      asked_ += count;
    }
    return answers;
  }
  void begin() { progress_.begin("evaluate", questions_); }
  void end() {
    progress_.update(questions_, "");
    progress_.end();
    stop_taking();
  }

  int64_t resumed() const { return resumed_; }
  int64_t computed_tokens() const { return scorer_.computed_tokens(); }

 private:
  // Whether the file has the whole batch.
  bool take_found(const Loaded& loaded, const Batch& batch, std::vector<Answer>& answers) {
    const size_t count = static_cast<size_t>(batch.end - batch.begin);
    if (!taking_) return false;
    if (file_.found().size() - taken_ < count) {
      stop_taking();
      return false;
    }
    for (int64_t n = batch.begin; n < batch.end; ++n, ++taken_) {
      const AnswerLine& line = file_.found()[taken_];
      const Prompt& prompt = loaded.prompts[static_cast<size_t>(n)];
      if (line.task != loaded.task.name || line.question != n || line.right != prompt.answer ||
          line.answer.scores.size() != prompt.requests.size()) {
        throw Error(
            ErrorKind::kBadModel, "--answers",
            fmt::format("answer {} is not that of question {} of {}", taken_ + 1, n + 1, loaded.task.name),
            "remove the file");
      }
      answers.push_back(line.answer);
    }
    return true;
  }
  void stop_taking() {
    if (taking_) file_.keep(taken_);
    taking_ = false;
  }
  void compute(const Loaded& loaded, std::span<const RequestGroup> groups, const Batch& batch,
               std::vector<Answer>& answers) {
    const auto some =
        groups.subspan(static_cast<size_t>(batch.begin), static_cast<size_t>(batch.end - batch.begin));
    const std::span<const int32_t> prefix =
        std::span(some.front().front().ids).first(static_cast<size_t>(batch.prefix));
    std::vector<AnswerLine> lines;
    for (std::vector<RequestScore>& scores : scorer_.score(some, prefix)) {
      const int64_t n = batch.begin + std::ssize(lines);
      answers.push_back({std::move(scores)});
      lines.push_back({loaded.task.name, n, loaded.prompts[static_cast<size_t>(n)].answer, answers.back()});
    }
    file_.add(lines);
  }

  RequestScorer scorer_;
  AnswerFile& file_;
  int64_t questions_, asked_ = 0, resumed_ = 0;
  size_t taken_ = 0;
  bool taking_ = true;
  Progress& progress_;
};

}  // namespace

void check_options(const TaskOptions& options) {
  if (options.tasks.empty()) throw Error(ErrorKind::kUsage, "--tasks", "names no task");
  if (options.num_fewshot < 0 || options.limit < 0)
    throw Error(ErrorKind::kUsage, options.limit < 0 ? "--limit" : "--num-fewshot", "is negative");
}

std::string tasks_key(const TaskOptions& options) {
  const TaskSelection selection = select_tasks(options.tasks);
  const std::vector<Loaded> tasks = load(selection, options);
  Hasher hasher;
  add_text(hasher,
           fmt::format("shots {} limit {} seed {}", options.num_fewshot, options.limit, options.seed));
  add_questions(hasher, tasks);
  for (const Loaded& loaded : tasks) {
    for (const Metric metric : loaded.task.metrics)
      add_text(hasher, fmt::format("{} {}", loaded.task.name, metric_name(metric)));
  }
  for (const TaskGroup& group : selection.groups)
    add_text(hasher, fmt::format("{} of {}", group.name, fmt::join(group.members, " ")));
  return hasher.hex();
}

TasksResult run_tasks(Model& model, const Tokenizer& tokenizer, KvType kv, const std::string& identity,
                      const TaskOptions& options, Progress& progress) {
  const TaskSelection selection = select_tasks(options.tasks);
  const std::vector<Loaded> tasks = load(selection, options);
  TasksResult result;
  for (const Loaded& loaded : tasks) result.questions += std::ssize(loaded.prompts);

  AnswerFile file(options.answers, run_key(tasks, identity, kv));
  Run run(model, kv, file, result.questions, progress);
  run.begin();
  for (const Loaded& loaded : tasks) {
    const std::vector<RequestGroup> groups =
        encode(loaded, tokenizer, encode_rules(model.config()), model.backend().pool());
    const std::vector<Answer> answers = run.ask(loaded, groups);
    result.tasks.push_back({.task = loaded.task.name,
                            .data = loaded.file.string(),
                            .questions = std::ssize(answers),
                            .metrics = task_metrics(loaded.task, loaded.prompts, answers, options.seed)});
  }
  run.end();
  for (const TaskGroup& group : selection.groups) result.groups.push_back(group_score(group, result.tasks));
  result.resumed_questions = run.resumed();
  result.computed_tokens = run.computed_tokens();
  return result;
}

}  // namespace fptq
