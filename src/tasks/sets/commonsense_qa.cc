// CommonsenseQA (arXiv 1811.00937): five lettered choices.
#include "tasks/python_text.h"
#include "tasks/sets/ai2_questions.h"
#include "tasks/sets/prompts.h"
#include "tasks/sets/sets.h"

namespace fptq {
namespace {

Question ask(const Item& item) {
  return lettered("Question: " + std::string(python_strip(item.question)), item);
}

std::vector<Layout> file(const std::string& split) {
  return {{"commonsenseqa/" + split + "_rand_split.jsonl", read_ai2_questions}};
}

}  // namespace

Task commonsense_qa() {
  return {.name = "commonsense_qa",
          .metrics = {Metric::kAccuracy},
          .question = ask,
          .test = file("dev"),
          .examples = file("train"),
          .source = "https://www.tau-nlp.sites.tau.ac.il/commonsenseqa",
          .leaves_out_question = true};
}

}  // namespace fptq
