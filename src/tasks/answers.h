// What a model answered, and what it is worth.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fptq/tasks.h"
#include "tasks/prompts.h"
#include "tasks/request_scorer.h"
#include "tasks/task.h"

namespace fptq {

// One question's.
struct Answer {
  std::vector<RequestScore> scores;  // of its requests
};

// The value of `metric` for one question: 0 or 1, or for perplexity the log-likelihood. The first of equal
// choices wins, as NumPy's argmax has it.
double question_value(Metric metric, const Prompt& prompt, const Answer& answer);

// The metrics of a task from all its questions, in order. Errors are bootstrapped from kBootstrapRounds
// resamples; that of a perplexity by the delta method from its logarithm's.
constexpr int64_t kBootstrapRounds = 1000;
std::vector<MetricValue> task_metrics(const Task& task, std::span<const Prompt> prompts,
                                      std::span<const Answer> answers, uint64_t seed);

// The accuracies of a group; `scores` has its members among others. acc_norm, where any member has it, takes
// acc of those that have not. Errors add up as those of independent tasks.
GroupScore group_score(const TaskGroup& group, std::span<const TaskScore> scores);

}  // namespace fptq
