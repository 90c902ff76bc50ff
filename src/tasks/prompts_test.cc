// Every layout of every data set against the prompts that lm-evaluation-harness 0.4.13 makes of the same
// questions (src/tasks/testdata, written by scripts/tasks_parity.py golden).
#include "tasks/prompts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file_io.h"
#include "base/json.h"
#include "expect_error.h"
#include "tasks/data_folders.h"

namespace fptq {
namespace {

const std::string kTestdata = FPTQ_SOURCE_DIR "/src/tasks/testdata";

Json cases() {
  return parse_json(read_text_file(kTestdata + "/prompts.json"), "prompts.json");
}

std::vector<Prompt> prompts_of(const std::string& data, const std::string& name, int64_t shots) {
  const Task task = select_tasks({name}).tasks.front();
  const DataFolders folders({kTestdata + "/layouts/" + data});
  const std::vector<Item> items = folders.load(task, task.test).items;
  const std::vector<Item> examples = folders.load(task, task.examples).items;
  return make_prompts(task, items, examples, {.shots = shots}, 0);
}

TEST(Prompts, EqualThoseOfLmEval) {
  int compared = 0;
  for (const Json& golden : cases()) {
    const std::string data = golden["data"], name = golden["task"];
    const int64_t shots = golden["shots"];
    SCOPED_TRACE(data + ", shots: " + std::to_string(shots));
    const std::vector<Prompt> prompts = prompts_of(data, name, shots);
    ASSERT_EQ(prompts.size(), golden["questions"].size());
    for (size_t q = 0; q < prompts.size(); ++q) {
      const Json& requests = golden["questions"][q];
      ASSERT_EQ(prompts[q].requests.size(), requests.size());
      EXPECT_EQ(prompts[q].answer, golden["answers"][q]) << "question " << q;
      for (size_t r = 0; r < requests.size(); ++r, ++compared) {
        EXPECT_EQ(prompts[q].requests[r].context, requests[r][0]) << "question " << q;
        EXPECT_EQ(prompts[q].requests[r].continuation, requests[r][1]) << "question " << q;
      }
    }
  }
  EXPECT_GT(compared, 200);
}

TEST(Prompts, LimitTakesTheFirst) {
  const Task task = select_tasks({"piqa"}).tasks.front();
  const std::vector<Item> items(5, Item{.question = "q", .choices = {"a", "bcd"}});
  const std::vector<Prompt> prompts = make_prompts(task, items, {}, {}, 2);
  ASSERT_EQ(prompts.size(), 2u);
  EXPECT_THAT(prompts[0].lengths, testing::ElementsAre(1, 3));
}

TEST(Prompts, TooFewExamplesAreRefused) {
  const Task task = select_tasks({"piqa"}).tasks.front();
  const std::vector<Item> items(2, Item{.question = "q", .choices = {"a", "b"}});
  expect_error(ErrorKind::kUsage, {"--num-fewshot", "3", "piqa", "2"},
               [&] { make_prompts(task, items, items, {.shots = 3}, 0); });
}

TEST(DataFolders, MissingFileSaysWhatAndWhere) {
  const Task task = select_tasks({"mmlu_anatomy"}).tasks.front();
  expect_error(ErrorKind::kIo,
               {"mmlu_anatomy", "mmlu/test/anatomy_test.csv", "/nowhere", "--data", "https://"},
               [&] { DataFolders({"/nowhere"}).load(task, task.test); });
}

TEST(SelectTasks, GroupsBringTheirMembersOnce) {
  const TaskSelection mmlu = select_tasks({"mmlu_anatomy", "mmlu"});
  EXPECT_EQ(mmlu.tasks.size(), 57u);
  EXPECT_EQ(mmlu.tasks.front().name, "mmlu_anatomy");
  std::vector<std::string> groups;
  for (const TaskGroup& group : mmlu.groups) groups.push_back(group.name);
  EXPECT_THAT(groups, testing::UnorderedElementsAre("mmlu_stem", "mmlu_other", "mmlu_social_sciences",
                                                    "mmlu_humanities", "mmlu"));
  EXPECT_EQ(select_tasks({"commonsense"}).tasks.size(), 5u);
  expect_error(ErrorKind::kUsage, {"helaswag", "did you mean hellaswag?"},
               [] { select_tasks({"helaswag"}); });
}

}  // namespace
}  // namespace fptq
