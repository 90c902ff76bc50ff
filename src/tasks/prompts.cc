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
  ExampleSampler(const Task& task, const std::vector<Item>& pool, bool own, const FewShot& few)
      : task_(task), pool_(pool), own_(own), shots_(few.shots), random_(few.seed) {
    const int64_t needed = shots_ + (own && shots_ > 0 ? 1 : 0);
    if (std::ssize(pool) < needed) {
      throw Error(ErrorKind::kUsage, "--num-fewshot",
                  fmt::format("{} asked for, task {} has {} examples", shots_, task.name, pool.size()));
    }
  }

  std::vector<const Item*> next(const Item& asked) {
    std::vector<const Item*> examples;
    if (shots_ == 0) return examples;
    if (task_.first_examples) {
      for (int64_t i = 0; i < shots_; ++i) examples.push_back(&pool_[static_cast<size_t>(i)]);
      return examples;
    }
    // One more is drawn, because one of them may be the question.
    draw_other(pool_, own_ ? shots_ + 1 : shots_, asked, examples);
    if (std::ssize(examples) < shots_) {
      std::vector<const Item*> others;
      for (const Item& item : pool_) {
        if (item != asked) others.push_back(&item);
      }
      examples.clear();
      for (const int64_t i : random_.sample(std::ssize(others), std::min(shots_, std::ssize(others))))
        examples.push_back(others[static_cast<size_t>(i)]);
    }
    return examples;
  }

 private:
  void draw_other(const std::vector<Item>& pool, int64_t count, const Item& asked,
                  std::vector<const Item*>& examples) {
    for (const int64_t i : random_.sample(std::ssize(pool), count)) {
      const Item& item = pool[static_cast<size_t>(i)];
      if (std::ssize(examples) < shots_ && !(own_ && item == asked)) examples.push_back(&item);
    }
  }

  const Task& task_;
  const std::vector<Item>& pool_;
  bool own_;
  int64_t shots_;
  PythonRandom random_;
};

std::string solved(const Task& task, const Item& example) {
  const Question question = task.question(example);
  return question.context(question.answer) + task.delimiter + question.choice(question.answer) + "\n\n";
}

}  // namespace

std::vector<Prompt> make_prompts(const Task& task, const std::vector<Item>& items,
                                 const std::vector<Item>& examples, bool own_examples, const FewShot& few,
                                 int64_t limit) {
  ExampleSampler sampler(task, examples, own_examples, few);
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
