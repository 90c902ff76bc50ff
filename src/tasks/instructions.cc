#include "tasks/instructions.h"

#include <fmt/format.h>

#include <optional>

#include "fptq/error.h"
#include "tasks/records.h"

namespace fptq {
namespace {

constexpr std::string_view kEnd = "Answer format:";

// A text that is taken apart from its front.
class Front {
 public:
  Front(std::string text, std::string where) : text_(std::move(text)), where_(std::move(where)) {}

  // What comes before `mark`, which goes too; none when it does not come.
  std::optional<std::string> before(std::string_view mark) {
    const size_t found = text_.find(mark, at_);
    if (found == std::string::npos) return std::nullopt;
    std::string part = text_.substr(at_, found - at_);
    at_ = found + mark.size();
    return part;
  }
  std::string expect(std::string_view mark) {
    if (std::optional<std::string> part = before(mark)) return *std::move(part);
    throw Error(ErrorKind::kBadModel, where_ + ":instruction",
                fmt::format("expected \"{}\" after the first {} bytes", mark, at_));
  }
  std::string rest() const { return text_.substr(at_); }

 private:
  std::string text_, where_;
  size_t at_ = 0;
};

// The text without the line ends or the space before the end mark.
std::string trimmed(std::string text) {
  while (text.ends_with('\n') || text.ends_with(' ')) text.pop_back();
  return text;
}

}  // namespace

std::vector<Item> read_instructions(const std::filesystem::path& path, const std::string& label) {
  std::vector<Item> items;
  for (const auto& [json, where] : read_json_array(path)) {
    Front front(json_string(json, "instruction", where), where);
    front.expect(label == "Option" ? "sentence: " : "question: ");
    Item& item = items.emplace_back();
    item.question = front.expect(fmt::format("\n\n{}1: ", label));
    while (std::optional<std::string> choice =
               front.before(fmt::format(" {}{}: ", label, item.choices.size() + 2))) {
      item.choices.push_back(*std::move(choice));
    }
    item.choices.push_back(trimmed(front.expect(kEnd)));
    const std::string answer = json_string(json, "answer", where);
    const size_t digit = answer.find_first_of("0123456789");
    item.answer = answer_index(digit == std::string::npos ? answer : answer.substr(digit),
                               std::ssize(item.choices), 1, where + ":answer");
  }
  return items;
}

std::vector<Item> read_true_false(const std::filesystem::path& path) {
  std::vector<Item> items;
  for (const auto& [json, where] : read_json_array(path)) {
    Front front(json_string(json, "instruction", where), where);
    front.expect("question: ");
    Item& item = items.emplace_back();
    item.question = trimmed(front.expect(kEnd));
    if (item.question.ends_with('?')) item.question.pop_back();
    const std::string answer = json_string(json, "answer", where);
    if (answer != "true" && answer != "false") {
      throw Error(ErrorKind::kBadModel, where + ":answer",
                  fmt::format("expected true or false, found \"{}\"", answer.substr(0, 40)));
    }
    item.answer = answer == "true" ? 1 : 0;
  }
  return items;
}

}  // namespace fptq
