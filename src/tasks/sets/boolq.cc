// BoolQ (arXiv 1905.10044). The instruction form has no passages, so that its figures are not those of
// papers.
#include <fmt/format.h>

#include "fptq/error.h"
#include "tasks/instructions.h"
#include "tasks/records.h"
#include "tasks/sets/sets.h"

namespace fptq {
namespace {

// {"passage", "question"} with a truth value in "label" (SuperGLUE) or "answer" (the original).
std::vector<Item> read_passages(const std::filesystem::path& path) {
  std::vector<Item> items;
  for (const auto& [json, where] : read_json_lines(path)) {
    const Json* answer = json_find(json, json.contains("label") ? "label" : "answer");
    const bool number = answer != nullptr && (*answer == 0 || *answer == 1);
    if (answer == nullptr || !(answer->is_boolean() || number)) {
      throw Error(ErrorKind::kBadModel, where + ":label", "expected true or false");
    }
    items.push_back({.passage = json_string(json, "passage", where),
                     .question = json_string(json, "question", where),
                     .answer = number ? answer->get<int64_t>() : int64_t{answer->get<bool>()}});
  }
  return items;
}

Question ask(const Item& item) {
  return {{item.passage + "\nQuestion: " + item.question + "?\nAnswer:"}, {"no", "yes"}, item.answer};
}

}  // namespace

Task boolq() {
  return {.name = "boolq",
          .metrics = {Metric::kAccuracy},
          .question = ask,
          .test = {{"BoolQ/val.jsonl", read_passages},
                   {"boolq/dev.jsonl", read_passages},
                   {"instruct/boolq.json", read_true_false}},
          .examples = {{"BoolQ/train.jsonl", read_passages}, {"boolq/train.jsonl", read_passages}},
          .source = "https://github.com/google-research-datasets/boolean-questions",
          .leaves_out_question = true};
}

}  // namespace fptq
