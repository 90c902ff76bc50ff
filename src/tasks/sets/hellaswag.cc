// HellaSwag (arXiv 1905.07830): which of four endings follows?
#include <fmt/format.h>

#include "fptq/error.h"
#include "tasks/python_text.h"
#include "tasks/records.h"
#include "tasks/sets/sets.h"

namespace fptq {
namespace {

constexpr size_t kEndings = 4;

// Marks left over from WikiHow, as lm-eval's preprocess() takes them away.
std::string without_marks(std::string_view text) {
  const std::string titles = python_replace(python_strip(text), " [title]", ". ");
  std::string plain;
  for (size_t at = 0; at < titles.size();) {
    const size_t open = std::min(titles.find('[', at), titles.size());
    const size_t close = titles.find(']', open);
    // Python's "." in \[.*?\] matches no line end.
    const bool mark = close != std::string::npos && titles.find('\n', open) > close;
    const size_t kept = mark || open == titles.size() ? open : open + 1;
    plain.append(titles, at, kept - at);
    at = mark ? close + 1 : kept;
  }
  return python_replace(plain, "  ", " ");
}

Item clean(const std::string& context, std::vector<std::string> endings, int64_t answer) {
  Item item{.question = without_marks(context), .answer = answer};
  for (const std::string& ending : endings) item.choices.push_back(without_marks(ending));
  return item;
}

// The original: {"activity_label", "ctx_a", "ctx_b", "endings", "label"}.
std::vector<Item> read_original(const std::filesystem::path& path) {
  std::vector<Item> items;
  for (const auto& [json, where] : read_json_lines(path)) {
    const std::string context = json_string(json, "activity_label", where) + ": " +
                                json_string(json, "ctx_a", where) + " " +
                                python_capitalize(json_string(json, "ctx_b", where));
    const std::vector<std::string> endings = json_strings(json, "endings", where);
    // A number in the original, text as Hugging Face has it.
    const Json* label = json_find(json, "label");
    const std::string right = label != nullptr && label->is_string()
                                  ? label->get<std::string>()
                                  : std::to_string(json_int(json, "label", where));
    items.push_back(clean(context, endings, answer_index(right, std::ssize(endings), 0, where + ":label")));
  }
  return items;
}

// llama.cpp's: a line "activity: context", one with the label, four with the endings.
std::vector<Item> read_lines_of_six(const std::filesystem::path& path) {
  const std::vector<LineRecord> lines = read_lines(path);
  std::vector<Item> items;
  for (size_t at = 0; at < lines.size(); at += kEndings + 2) {
    if (lines.size() - at < kEndings + 2) {
      throw Error(ErrorKind::kBadModel, lines[at].where,
                  fmt::format("expected a context, a label and {} endings, found {} lines", kEndings,
                              lines.size() - at));
    }
    std::vector<std::string> endings;
    for (size_t i = 0; i < kEndings; ++i) endings.push_back(lines[at + 2 + i].value);
    items.push_back(
        clean(lines[at].value, endings, answer_index(lines[at + 1].value, kEndings, 0, lines[at + 1].where)));
  }
  return items;
}

Question ask(const Item& item) {
  return {{item.question}, item.choices, item.answer};
}

}  // namespace

Task hellaswag() {
  return {.name = "hellaswag",
          .metrics = {Metric::kAccuracy, Metric::kAccuracyNorm},
          .question = ask,
          .test = {{"hellaswag/hellaswag_val.jsonl", read_original},
                   {"hellaswag/hellaswag_val_full.txt", read_lines_of_six}},
          .examples = {{"hellaswag/hellaswag_train.jsonl", read_original}},
          .source = "https://github.com/rowanz/hellaswag/tree/master/data",
          .leaves_out_question = true};
}

}  // namespace fptq
