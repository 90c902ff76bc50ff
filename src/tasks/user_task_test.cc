#include "tasks/user_task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "tasks/prompts.h"
#include "temp_folder.h"

namespace fptq {
namespace {

class UserTask : public testing::Test {
 protected:
  Task read(const std::string& yaml) const { return read_user_task(folder_.write("exam.yaml", yaml)); }
  std::vector<Prompt> prompts(const std::string& yaml, const std::string& lines, int64_t shots = 0) const {
    folder_.write("exam.jsonl", lines);
    const Task task = read(yaml);
    const std::vector<Item> items = task.test.front().read(task.test.front().path);
    return make_prompts(task, items, items, {.shots = shots}, 0);
  }
  TempFolder folder_;
};

const std::string kChoices = R"(task: exam
data: exam.jsonl
description: "Choose.\n\n"
text: "Q{{ id }}: {{question.text}}\nA:"
choices: ["{{options[0]}}", "{{options[1]}}"]
answer: "{{key}}"
)";

TEST_F(UserTask, FillsTemplatesFromRecords) {
  const auto made =
      prompts(kChoices, R"({"id": 7, "question": {"text": "Why?"}, "options": ["so", "no"], "key": "B"}
{"id": 8, "question": {"text": "How?"}, "options": ["thus", "not"], "key": 0}
)");
  ASSERT_EQ(made.size(), 2u);
  EXPECT_EQ(made[0].requests[0], (TextRequest{"Choose.\n\nQ7: Why?\nA:", " so"}));
  EXPECT_EQ(made[0].requests[1], (TextRequest{"Choose.\n\nQ7: Why?\nA:", " no"}));
  EXPECT_EQ(made[0].answer, 1);
  EXPECT_EQ(made[1].answer, 0);
}

TEST_F(UserTask, AnswerMayBeTheChoiceItselfAndChoicesAList) {
  const auto made =
      prompts("task: t\ndata: exam.jsonl\ntext: \"{{q}}\"\nchoices: \"{{c}}\"\nanswer: \"{{a}}\"\n",
              R"({"q": "x", "c": ["red", "green", "blue"], "a": "blue"})");
  ASSERT_EQ(made[0].requests.size(), 3u);
  EXPECT_EQ(made[0].answer, 2);
}

TEST_F(UserTask, ClozeTakesItsTargetAsItIs) {
  const std::string yaml = "task: t\ndata: exam.jsonl\ntext: \"{{q}}\"\ntarget: \" {{a}}\"\n";
  const auto made = prompts(yaml, R"({"q": "one two", "a": "three"})");
  ASSERT_EQ(made[0].requests.size(), 1u);
  EXPECT_EQ(made[0].requests[0], (TextRequest{"one two", " three"}));
  EXPECT_THAT(read(yaml).metrics, testing::ElementsAre(Metric::kPerplexity, Metric::kAccuracy));
}

TEST_F(UserTask, QuestionIsNeverItsOwnExample) {
  std::string lines;
  for (int i = 0; i < 4; ++i)
    lines += R"({"id": )" + std::to_string(i) +
             R"(, "question": {"text": "?"}, "options": ["y", "n"], "key": "A"})"
             "\n";
  const auto made = prompts(kChoices, lines, 3);
  for (int i = 0; i < 4; ++i) {
    const std::string& context = made[static_cast<size_t>(i)].requests[0].context;
    const std::string own = "Q" + std::to_string(i) + ": ";
    EXPECT_EQ(context.find(own), context.rfind(own)) << context;
    EXPECT_THAT(context, testing::HasSubstr("A: y\n\n"));
  }
}

TEST_F(UserTask, MalformedFilesAreNamedWithTheirLine) {
  const auto refused = [&](const std::string& yaml, const std::vector<std::string>& words) {
    expect_error(ErrorKind::kBadModel, words, [&] { read(yaml); });
  };
  refused("- a\n", {"exam.yaml", "key: value"});
  refused(kChoices + "choises: []\n", {"exam.yaml:7:choises", "did you mean choices?"});
  refused("task: t\ndata: d\ntext: \"{{q\"\n", {"exam.yaml:3:text", "without"});
  refused("task: t\ndata: d\ntext: \"{{ }}\"\n", {"exam.yaml:3:text", "names nothing"});
  refused("task: t\ndata: d\ntext: q\nchoices: [a, b]\n", {"answer", "is missing"});
  refused(kChoices + "target: x\n", {"target", "exclude"});
  refused(kChoices + "metrics: [f1]\n", {"metrics", "acc_norm"});
  refused(kChoices + "metrics: [perplexity]\n", {"metrics", "cloze"});
}

TEST_F(UserTask, RecordsThatDoNotFitAreNamedWithTheirLine) {
  const auto refused = [&](const std::string& lines, const std::vector<std::string>& words) {
    expect_error(ErrorKind::kBadModel, words, [&] { prompts(kChoices, lines); });
  };
  const std::string good = R"({"id": 7, "question": {"text": "Why?"}, "options": ["so", "no"], "key": "B"})"
                           "\n";
  refused(good + "{}\n", {"exam.jsonl:2:id", "is missing"});
  refused(good + "[]\n", {"exam.jsonl:2", "object"});
  refused(good + "{\n", {"exam.jsonl:2"});
  refused(R"({"id": [], "question": {"text": "Why?"}, "options": ["so", "no"], "key": "B"})",
          {":id", "array"});
  refused(R"({"id": 7, "question": {"text": "Why?"}, "options": ["so"], "key": "B"})", {"options.1"});
  refused(R"({"id": 7, "question": {"text": "Why?"}, "options": ["so", "no"], "key": "C"})",
          {"exam.jsonl:1", "2 choices", "C"});
}

}  // namespace
}  // namespace fptq
