// LAMBADA (arXiv 1606.06031), in the form that OpenAI published: {"text": passage}; its last word is asked
// for.
#include <fmt/format.h>

#include "fptq/error.h"
#include "tasks/records.h"
#include "tasks/sets/sets.h"

namespace fptq {
namespace {

std::vector<Item> read(const std::filesystem::path& path) {
  std::vector<Item> items;
  for (const auto& [json, where] : read_json_lines(path)) {
    const std::string text = json_string(json, "text", where);
    const size_t space = text.rfind(' ');
    if (space == std::string::npos || space == 0) {
      throw Error(ErrorKind::kBadModel, where + ":text", "expected a passage and its last word");
    }
    items.push_back({.question = text.substr(0, space), .choices = {text.substr(space)}});
  }
  return items;
}

Question ask(const Item& item) {
  return {{item.question}, item.choices, 0};
}

// lm-eval draws examples from the very questions and does not keep a question's own out; so does this.
std::vector<Layout> files() {
  return {{"lambada/lambada_test.jsonl", read}, {"lambada/lambada_test_en.jsonl", read}};
}

}  // namespace

Task lambada() {
  return {.name = "lambada",
          .metrics = {Metric::kPerplexity, Metric::kAccuracy},
          .question = ask,
          .test = files(),
          .examples = files(),
          .source = "https://huggingface.co/datasets/EleutherAI/lambada_openai",
          .cloze = true};
}

}  // namespace fptq
