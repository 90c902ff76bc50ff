// ARC, the AI2 Reasoning Challenge (arXiv 1803.05457).
#include "tasks/instructions.h"
#include "tasks/sets/ai2_questions.h"
#include "tasks/sets/prompts.h"
#include "tasks/sets/sets.h"

namespace fptq {
namespace {

std::vector<Layout> files(const std::string& set, const std::string& split) {
  const std::string file = set + "/" + set + "-" + split + ".jsonl";
  return {{"ARC-V1-Feb2018-2/" + file, read_ai2_questions}, {file, read_ai2_questions}};
}

Task arc(const std::string& name, const std::string& set) {
  Task task{.name = name,
            .metrics = {Metric::kAccuracy, Metric::kAccuracyNorm},
            .question = question_and_answer,
            .test = files(set, "Test"),
            .examples = files(set, "Train"),
            .source = "https://allenai.org/data/arc"};
  task.test.push_back({"instruct/" + set + ".json",
                       [](const std::filesystem::path& path) { return read_instructions(path, "Answer"); }});
  return task;
}

}  // namespace

Task arc_easy() {
  return arc("arc_easy", "ARC-Easy");
}
Task arc_challenge() {
  return arc("arc_challenge", "ARC-Challenge");
}

}  // namespace fptq
