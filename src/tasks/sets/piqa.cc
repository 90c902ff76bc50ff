// PIQA (arXiv 1911.11641): {"goal", "sol1", "sol2"}, with the labels in a file of their own.
#include <fmt/format.h>

#include "fptq/error.h"
#include "tasks/label_file.h"
#include "tasks/records.h"
#include "tasks/sets/prompts.h"
#include "tasks/sets/sets.h"

namespace fptq {
namespace {

std::vector<Item> read(const std::filesystem::path& path) {
  std::vector<Item> items;
  for (const auto& [json, where] : read_json_lines(path)) {
    items.push_back({.question = json_string(json, "goal", where),
                     .choices = {json_string(json, "sol1", where), json_string(json, "sol2", where)}});
  }
  add_labels(path, 0, items);
  return items;
}

}  // namespace

Task piqa() {
  return {.name = "piqa",
          .metrics = {Metric::kAccuracy, Metric::kAccuracyNorm},
          .question = question_and_answer,
          .test = {{"piqa/valid.jsonl", read}},
          .examples = {{"piqa/train.jsonl", read}},
          .source = "https://yonatanbisk.com/piqa/data/",
          .leaves_out_question = true};
}

}  // namespace fptq
