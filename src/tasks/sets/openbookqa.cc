// OpenBookQA (arXiv 1809.02789): the stem is the context, with nothing around it.
#include <fmt/format.h>

#include "fptq/error.h"
#include "tasks/records.h"
#include "tasks/sets/ai2_questions.h"
#include "tasks/sets/sets.h"

namespace fptq {
namespace {

// "(A) fish (B) bird" as its choices.
std::vector<std::string> split_choices(const std::string& text, const std::string& where) {
  std::vector<std::string> choices;
  size_t at = 0;
  for (char letter = 'A'; at < text.size(); ++letter) {
    const std::string mark = fmt::format("({}) ", letter);
    if (text.compare(at, mark.size(), mark) != 0) {
      throw Error(ErrorKind::kBadModel, where, fmt::format("expected \"{}\" before a choice", mark));
    }
    at += mark.size();
    const std::string next = fmt::format(" ({}) ", static_cast<char>(letter + 1));
    const size_t end = std::min(text.find(next, at), text.size());
    choices.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return choices;
}

// ID, stem, choices in one text, both together, key.
std::vector<Item> read_tsv_form(const std::filesystem::path& path) {
  std::vector<Item> items;
  for (const auto& [fields, where] : read_tsv(path)) {
    if (fields.size() != 5) {
      throw Error(ErrorKind::kBadModel, where,
                  fmt::format("expected 5 tab-separated fields, found {}", fields.size()));
    }
    if (fields[0] == "ID") continue;
    Item item{.question = fields[1], .choices = split_choices(fields[2], where)};
    item.answer = answer_index(fields[4], std::ssize(item.choices), 1, where);
    items.push_back(std::move(item));
  }
  return items;
}

std::vector<Layout> files(const std::string& split) {
  return {{"OpenBookQA-V1-Sep2018/Data/Main/" + split + ".jsonl", read_ai2_questions},
          {"openbookqa/" + split + ".jsonl", read_ai2_questions},
          {"openbookqa/" + split + ".tsv", read_tsv_form}};
}

Question ask(const Item& item) {
  return {{item.question}, item.choices, item.answer};
}

}  // namespace

Task openbookqa() {
  return {.name = "openbookqa",
          .metrics = {Metric::kAccuracy, Metric::kAccuracyNorm},
          .question = ask,
          .test = files("test"),
          .examples = files("train"),
          .source = "https://allenai.org/data/open-book-qa"};
}

}  // namespace fptq
