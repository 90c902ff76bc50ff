// WinoGrande (arXiv 1907.10641): {"sentence", "option1", "option2", "answer"}; the sentence up to and with
// each option is a context, what follows the blank is what is scored.
#include "fptq/error.h"
#include "tasks/instructions.h"
#include "tasks/python_text.h"
#include "tasks/records.h"
#include "tasks/sets/sets.h"

namespace fptq {
namespace {

void require_blank(const std::string& sentence, const std::string& where) {
  if (sentence.find('_') == std::string::npos) {
    throw Error(ErrorKind::kBadModel, where, "expected a sentence with a blank \"_\"");
  }
}

std::vector<Item> read_original(const std::filesystem::path& path) {
  std::vector<Item> items;
  for (const auto& [json, where] : read_json_lines(path)) {
    items.push_back({.question = json_string(json, "sentence", where),
                     .choices = {json_string(json, "option1", where), json_string(json, "option2", where)},
                     .answer = answer_index(json_string(json, "answer", where), 2, 1, where + ":answer")});
    require_blank(items.back().question, where + ":sentence");
  }
  return items;
}

std::vector<Item> read_instruction_form(const std::filesystem::path& path) {
  std::vector<Item> items = read_instructions(path, "Option");
  for (const Item& item : items) require_blank(item.question, path.string());
  return items;
}

Question ask(const Item& item) {
  const size_t blank = item.question.find('_');
  Question asked{{}, {std::string(python_strip(item.question.substr(blank + 1)))}, item.answer};
  for (const std::string& option : item.choices)
    asked.contexts.push_back(item.question.substr(0, blank) + option);
  return asked;
}

}  // namespace

Task winogrande() {
  return {.name = "winogrande",
          .metrics = {Metric::kAccuracy},
          .question = ask,
          .test = {{"winogrande_1.1/dev.jsonl", read_original},
                   {"winogrande/dev.jsonl", read_original},
                   {"instruct/winogrande.json", read_instruction_form}},
          .examples = {{"winogrande_1.1/train_xl.jsonl", read_original},
                       {"winogrande/train_xl.jsonl", read_original}},
          .source = "https://winogrande.allenai.org",
          .leaves_out_question = true};
}

}  // namespace fptq
