#include "tasks/sets/ai2_questions.h"

#include <fmt/format.h>

#include <algorithm>

#include "fptq/error.h"
#include "tasks/python_text.h"
#include "tasks/records.h"

namespace fptq {
namespace {

struct LabelledItem {
  Item item;
  std::vector<std::string> labels;
};

LabelledItem original_layout(const Json& question, const std::string& where) {
  LabelledItem read;
  read.item.question = json_string(question, "stem", where);
  for (const Json& choice : json_member(question, "choices", where)) {
    read.item.choices.push_back(json_string(choice, "text", where));
    read.labels.push_back(json_string(choice, "label", where));
  }
  return read;
}

LabelledItem flat_layout(const Json& json, const std::string& where) {
  const char* name = json.contains("question_stem") ? "question_stem" : "question";
  const Json& choices = json_member(json, "choices", where);
  return {{.question = json_string(json, name, where), .choices = json_strings(choices, "text", where)},
          json_strings(choices, "label", where)};
}

}  // namespace

std::vector<Item> read_ai2_questions(const std::filesystem::path& path) {
  std::vector<Item> items;
  for (const auto& [json, where] : read_json_lines(path)) {
    const Json* question = json_find(json, "question");
    const bool original = question != nullptr && question->is_object();
    LabelledItem read = original ? original_layout(*question, where) : flat_layout(json, where);
    const std::string key(python_strip(json_string(json, "answerKey", where)));
    const auto found = std::ranges::find(read.labels, key);
    if (found == read.labels.end() || read.labels.size() != read.item.choices.size()) {
      throw Error(ErrorKind::kBadModel, where + ":answerKey",
                  fmt::format("expected the label of one of {} choices, found \"{}\"",
                              read.item.choices.size(), key.substr(0, 40)));
    }
    read.item.answer = found - read.labels.begin();
    items.push_back(std::move(read.item));
  }
  return items;
}

}  // namespace fptq
