#include "tasks/answers.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "fptq/error.h"
#include "tasks/bootstrap.h"

namespace fptq {
namespace {

const MetricValue* find_metric(const TaskScore& score, Metric metric) {
  const auto found = std::ranges::find(score.metrics, metric_name(metric), &MetricValue::name);
  return found == score.metrics.end() ? nullptr : &*found;
}

}  // namespace

double question_value(Metric metric, const Prompt& prompt, const Answer& answer) {
  if (metric == Metric::kPerplexity) return answer.scores.front().log_likelihood;
  if (answer.scores.size() == 1) return answer.scores.front().greedy ? 1 : 0;
  std::vector<double> worth;
  for (size_t i = 0; i < answer.scores.size(); ++i) {
    const double length = metric == Metric::kAccuracyNorm ? static_cast<double>(prompt.lengths[i]) : 1;
    worth.push_back(answer.scores[i].log_likelihood / length);
  }
  return std::ranges::max_element(worth) - worth.begin() == prompt.answer ? 1 : 0;
}

std::vector<MetricValue> task_metrics(const Task& task, std::span<const Prompt> prompts,
                                      std::span<const Answer> answers, uint64_t seed) {
  std::vector<MetricValue> metrics;
  for (const Metric metric : task.metrics) {
    std::vector<double> values;
    double sum = 0;
    for (size_t i = 0; i < answers.size(); ++i) {
      values.push_back(question_value(metric, prompts[i], answers[i]));
      sum += values.back();
    }
    const double mean = sum / static_cast<double>(values.size());
    const double error = bootstrap_error(values, kBootstrapRounds, seed);
    if (metric == Metric::kPerplexity) {
      metrics.push_back({metric_name(metric), std::exp(-mean), std::exp(-mean) * error});
    } else {
      metrics.push_back({metric_name(metric), mean, error});
    }
  }
  return metrics;
}

GroupScore group_score(const TaskGroup& group, std::span<const TaskScore> scores) {
  std::vector<const TaskScore*> members;
  GroupScore result{.group = group.name};
  bool any_norm = false;
  for (const std::string& name : group.members) {
    const auto found = std::ranges::find(scores, name, &TaskScore::task);
    if (found == scores.end()) throw Error(ErrorKind::kFailure, group.name, "lacks the scores of " + name);
    members.push_back(&*found);
    result.questions += found->questions;
    any_norm = any_norm || find_metric(*found, Metric::kAccuracyNorm) != nullptr;
  }
  result.tasks = std::ssize(members);
  result.members = group.members;
  for (const Metric metric : {Metric::kAccuracy, Metric::kAccuracyNorm}) {
    if (metric == Metric::kAccuracyNorm && !any_norm) break;
    double mean = 0, variance = 0;
    for (const TaskScore* member : members) {
      const MetricValue* value = find_metric(*member, metric);
      if (value == nullptr) value = find_metric(*member, Metric::kAccuracy);
      const double weight =
          group.by_size ? static_cast<double>(member->questions) / static_cast<double>(result.questions)
                        : 1 / static_cast<double>(members.size());
      mean += weight * value->value;
      variance += weight * weight * value->standard_error * value->standard_error;
    }
    result.metrics.push_back({metric_name(metric), mean, std::sqrt(variance)});
  }
  return result;
}

}  // namespace fptq
