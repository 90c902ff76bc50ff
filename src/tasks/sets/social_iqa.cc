// Social IQa (arXiv 1904.09728): {"context", "question", "answerA", "answerB", "answerC"}, with the labels in
// a file of their own. In the instruction form context and question are one text.
#include "tasks/instructions.h"
#include "tasks/label_file.h"
#include "tasks/records.h"
#include "tasks/sets/sets.h"

namespace fptq {
namespace {

std::vector<Item> read_original(const std::filesystem::path& path) {
  std::vector<Item> items;
  for (const auto& [json, where] : read_json_lines(path)) {
    items.push_back(
        {.question = json_string(json, "context", where) + " " + json_string(json, "question", where),
         .choices = {json_string(json, "answerA", where), json_string(json, "answerB", where),
                     json_string(json, "answerC", where)}});
  }
  add_labels(path, 1, items);
  return items;
}

std::vector<Item> read_instruction_form(const std::filesystem::path& path) {
  return read_instructions(path, "Answer");
}

Question ask(const Item& item) {
  return {{"Q: " + item.question + "\nA:"}, item.choices, item.answer};
}

}  // namespace

Task social_iqa() {
  return {.name = "social_iqa",
          .metrics = {Metric::kAccuracy},
          .question = ask,
          .test = {{"socialiqa-train-dev/dev.jsonl", read_original},
                   {"social_iqa/dev.jsonl", read_original},
                   {"instruct/social_i_qa.json", read_instruction_form}},
          .examples = {{"socialiqa-train-dev/train.jsonl", read_original},
                       {"social_iqa/train.jsonl", read_original}},
          .source = "https://allenai.org/data/socialiqa",
          .leaves_out_question = true};
}

}  // namespace fptq
