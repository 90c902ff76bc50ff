#include "tasks/prompts.h"

#include <fmt/format.h>

#include "fptq/error.h"
#include "tasks/python_random.h"
#include "tasks/python_text.h"

namespace fptq {
namespace {

// What lm-eval's samplers do (lm_eval/api/samplers.py).
class ExampleSampler {
 public:
  ExampleSampler(const Task& task, const std::vector<Item>& pool, const FewShot& few)
      : task_(task), pool_(pool), shots_(few.shots), random_(few.seed) {
    const int64_t drawn = shots_ + (task.leaves_out_question && shots_ > 0 ? 1 : 0);
    if (std::ssize(pool) >= drawn) return;
    throw Error(ErrorKind::kUsage, "--num-fewshot",
                fmt::format("{} asked for, task {} has {} examples{}", shots_, task.name, pool.size(),
                            drawn > shots_ ? " and needs one more than asked for" : ""));
  }

  std::vector<const Item*> next(const Item& asked) {
    std::vector<const Item*> examples;
    if (shots_ == 0) return examples;
    if (task_.first_examples) {
      for (int64_t i = 0; i < shots_; ++i) examples.push_back(&pool_[static_cast<size_t>(i)]);
      return examples;
    }
    const bool leave_out = task_.leaves_out_question;
    for (const int64_t i : random_.sample(std::ssize(pool_), leave_out ? shots_ + 1 : shots_)) {
      const Item& item = pool_[static_cast<size_t>(i)];
      if (std::ssize(examples) < shots_ && !(leave_out && item == asked)) examples.push_back(&item);
    }
    // The pool may hold the question more than once.
    return std::ssize(examples) == shots_ ? examples : draw_others(asked);
  }

 private:
  std::vector<const Item*> draw_others(const Item& asked) {
    std::vector<const Item*> others, examples;
    for (const Item& item : pool_) {
      if (item != asked) others.push_back(&item);
    }
    if (std::ssize(others) < shots_) {
      throw Error(ErrorKind::kUsage, "--num-fewshot",
                  fmt::format("{} asked for, task {} has {} examples other than the question", shots_,
                              task_.name, others.size()));
    }
    for (const int64_t i : random_.sample(std::ssize(others), shots_))
      examples.push_back(others[static_cast<size_t>(i)]);
    return examples;
  }

  const Task& task_;
  const std::vector<Item>& pool_;
  int64_t shots_;
  PythonRandom random_;
};

std::string solved(const Task& task, const Item& example) {
  const Question question = task.question(example);
  return question.context(question.answer) + task.delimiter + question.choice(question.answer) + "\n\n";
}

}  // namespace

std::vector<Prompt> make_prompts(const Task& task, const std::vector<Item>& items,
                                 const std::vector<Item>& examples, const FewShot& few, int64_t limit) {
  ExampleSampler sampler(task, examples, few);
  const int64_t count = limit == 0 ? std::ssize(items) : std::min(limit, std::ssize(items));
  std::vector<Prompt> prompts;
  for (int64_t n = 0; n < count; ++n) {
    const Item& item = items[static_cast<size_t>(n)];
    std::string before = task.description;
    for (const Item* example : sampler.next(item)) before += solved(task, *example);
    const Question question = task.question(item);
    Prompt& prompt = prompts.emplace_back();
    prompt.answer = question.answer;
    for (int64_t i = 0; i < question.requests(); ++i) {
      prompt.requests.push_back(
          {before + question.context(i), (task.cloze ? std::string() : task.delimiter) + question.choice(i)});
      prompt.lengths.push_back(python_length(question.choice(i)));
    }
  }
  return prompts;
}

}  // namespace fptq
