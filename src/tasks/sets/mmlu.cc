// MMLU (arXiv 2009.03300): a file for each subject; examples are the first of the subject's dev file.
#include <fmt/format.h>

#include "fptq/error.h"
#include "tasks/python_text.h"
#include "tasks/records.h"
#include "tasks/sets/prompts.h"
#include "tasks/sets/sets.h"

namespace fptq {
namespace {

// Question, four choices, and the key: a letter (the original, without a header line) or a number from 0.
std::vector<Item> read(const std::filesystem::path& path) {
  std::vector<Item> items;
  for (const auto& [fields, where] : read_csv(path)) {
    if (fields.size() != 6) {
      throw Error(ErrorKind::kBadModel, where,
                  fmt::format("expected question, 4 choices and key, found {} fields", fields.size()));
    }
    if (fields[0] == "question" && fields[5] == "answer") continue;
    items.push_back({.question = fields[0],
                     .choices = {fields.begin() + 1, fields.begin() + 5},
                     .answer = answer_index(fields[5], 4, 0, where)});
  }
  return items;
}

Question ask(const Item& item) {
  return lettered(item.question, item);
}

std::vector<Layout> file(const std::string& subject, const std::string& split) {
  return {{fmt::format("mmlu/{}/{}_{}.csv", split, subject, split), read},
          {fmt::format("data/{}/{}_{}.csv", split, subject, split), read}};
}

}  // namespace

Task mmlu_subject(const std::string& subject) {
  return {
      .name = "mmlu_" + subject,
      .metrics = {Metric::kAccuracy},
      .question = ask,
      .test = file(subject, "test"),
      .examples = file(subject, "dev"),
      .source = "https://people.eecs.berkeley.edu/~hendrycks/data.tar",
      .description = fmt::format("The following are multiple choice questions (with answers) about {}.\n\n",
                                 python_replace(subject, "_", " ")),
      .first_examples = true};
}

}  // namespace fptq
