#include "tasks/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/file_io.h"
#include "expect_error.h"
#include "tasks/answer_file.h"
#include "tasks/bootstrap.h"
#include "temp_folder.h"

namespace fptq {
namespace {

Answer likely(std::initializer_list<double> likelihoods) {
  Answer answer;
  for (const double likelihood : likelihoods) answer.scores.push_back({likelihood, false});
  return answer;
}

TEST(QuestionValue, LengthsDecideNormalizedAccuracy) {
  const Prompt prompt{.requests = {}, .lengths = {2, 10}, .answer = 1};
  const Answer answer = likely({-3, -5});
  EXPECT_EQ(question_value(Metric::kAccuracy, prompt, answer), 0);
  EXPECT_EQ(question_value(Metric::kAccuracyNorm, prompt, answer), 1);  // -1.5 a letter against -0.5
}

TEST(QuestionValue, FirstOfEqualChoicesWins) {
  const Prompt first{.requests = {}, .lengths = {1, 1}, .answer = 0}, second{{}, {1, 1}, 1};
  EXPECT_EQ(question_value(Metric::kAccuracy, first, likely({-2, -2})), 1);
  EXPECT_EQ(question_value(Metric::kAccuracy, second, likely({-2, -2})), 0);
}

TEST(TaskMetrics, ClozeHasPerplexityOfTargetsAndGreedyAccuracy) {
  Task task;
  task.metrics = {Metric::kPerplexity, Metric::kAccuracy};
  const std::vector<Prompt> prompts(2, Prompt{.requests = {}, .lengths = {3}, .answer = 0});
  const std::vector<Answer> answers = {{{{-1, true}}}, {{{-3, false}}}};
  const std::vector<MetricValue> metrics = task_metrics(task, prompts, answers, 1);
  ASSERT_EQ(metrics.size(), 2u);
  EXPECT_DOUBLE_EQ(metrics[0].value, std::exp(2));
  EXPECT_EQ(metrics[1].value, 0.5);
}

// The analytic error of a mean is s / sqrt(n), s with divisor n in the bootstrap's world.
TEST(Bootstrap, ComesNearTheAnalyticErrorAndRepeats) {
  std::vector<double> values;
  for (int i = 0; i < 400; ++i) values.push_back(i % 5 == 0);
  const double analytic = std::sqrt(0.2 * 0.8 / 400);
  const double error = bootstrap_error(values, 2000, 7);
  EXPECT_NEAR(error, analytic, 0.06 * analytic);
  EXPECT_EQ(bootstrap_error(values, 2000, 7), error);
  EXPECT_NE(bootstrap_error(values, 2000, 8), error);
  EXPECT_EQ(bootstrap_error(std::vector<double>{1}, 2000, 7), 0);
}

TEST(GroupScore, WeighsByQuestionsOrByTasks) {
  std::vector<TaskScore> scores(2);
  scores[0] = {"a", "", 30, {{"acc", 0.5, 0.03}, {"acc_norm", 0.6, 0.03}}};
  scores[1] = {"b", "", 10, {{"acc", 0.9, 0.04}}};
  const GroupScore by_size = group_score({"g", {"a", "b"}, true}, scores);
  EXPECT_EQ(by_size.questions, 40);
  EXPECT_DOUBLE_EQ(by_size.metrics[0].value, 0.6);
  EXPECT_DOUBLE_EQ(by_size.metrics[0].standard_error, std::hypot(0.75 * 0.03, 0.25 * 0.04));
  const GroupScore by_task = group_score({"g", {"a", "b"}, false}, scores);
  EXPECT_DOUBLE_EQ(by_task.metrics[0].value, 0.7);
  EXPECT_EQ(by_task.metrics[1].name, "acc_norm");
  EXPECT_DOUBLE_EQ(by_task.metrics[1].value, 0.75) << "acc stands in where there is no acc_norm";
}

class Answers : public testing::Test {
 protected:
  std::filesystem::path path() const { return folder_ / "answers.jsonl"; }
  std::vector<AnswerLine> lines(int64_t from, int64_t to) const {
    std::vector<AnswerLine> lines;
    for (int64_t n = from; n < to; ++n)
      lines.push_back({"piqa", n, n % 2, likely({-1.0 / 3 - double(n), -2e-7})});
    return lines;
  }
  TempFolder folder_;
};

TEST_F(Answers, AreReadAsTheyWereWritten) {
  {
    AnswerFile file(path(), "k");
    EXPECT_TRUE(file.found().empty());
    file.keep(0);
    file.add(lines(0, 3));
  }
  const AnswerFile again(path(), "k");
  ASSERT_EQ(again.found().size(), 3u);
  EXPECT_EQ(again.found()[2].task, "piqa");
  EXPECT_EQ(again.found()[2].question, 2);
  EXPECT_EQ(again.found()[1].right, 1);
  EXPECT_EQ(again.found()[2].answer.scores[0].log_likelihood, -1.0 / 3 - 2.0);
  EXPECT_EQ(again.found()[2].answer.scores[1].log_likelihood, -2e-7);
}

// Whatever byte a kill leaves as the last one, the file ends up as if there had been none.
TEST_F(Answers, GoOnFromEveryLength) {
  {
    AnswerFile file(path(), "k");
    file.keep(0);
    file.add(lines(0, 4));
  }
  const std::string whole = read_text_file(path());
  const size_t header = whole.find('\n') + 1;
  std::vector<size_t> lengths = {0, 1, header - 1};
  for (size_t length = header; length <= whole.size(); ++length) lengths.push_back(length);
  for (const size_t length : lengths) {
    folder_.write("answers.jsonl", whole.substr(0, length));
    AnswerFile file(path(), "k");
    const size_t batches = file.found().size() / 2;  // two questions at a time
    file.keep(2 * batches);
    file.add(lines(static_cast<int64_t>(2 * batches), 4));
    EXPECT_EQ(read_text_file(path()), whole) << length;
  }
}

TEST_F(Answers, OfAnotherRunAreRefused) {
  { AnswerFile file(path(), "k"); }
  expect_error(ErrorKind::kUsage, {"answers.jsonl", "--answers"}, [&] { AnswerFile(path(), "other"); });
  folder_.write("answers.jsonl", "precious notes\n");
  expect_error(ErrorKind::kUsage, {"answers.jsonl"}, [&] { AnswerFile(path(), "k"); });
  EXPECT_EQ(read_text_file(path()), "precious notes\n");
}

}  // namespace
}  // namespace fptq
