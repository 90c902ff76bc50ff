#include "tasks/user_task.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/file_io.h"
#include "base/yaml.h"
#include "fptq/error.h"
#include "fptq/suggest.h"
#include "tasks/records.h"
#include "tasks/template.h"

namespace fptq {
namespace {

using Kind = YamlNode::Kind;

const std::vector<std::string> kKeys = {"task",   "data",        "examples",  "text",    "choices", "answer",
                                        "target", "description", "delimiter", "metrics", "source"};

// How a record becomes an item: its question is the context, ready to be put.
struct Form {
  std::optional<Template> text, answer, target;
  std::vector<Template> choices;  // one that is a lone {{member}} stands for a list

  Item item(const Json& record, const std::string& where) const {
    Item item{.question = text->render(record, where)};
    if (target) {
      item.choices = {target->render(record, where)};
      return item;
    }
    const Json* list = choices.size() == 1 ? choices.front().member(record, where) : nullptr;
    if (list != nullptr && list->is_array()) {
      for (const Json& choice : *list) {
        if (!choice.is_string()) throw Error(ErrorKind::kBadModel, where, "expected choices that are text");
        item.choices.push_back(choice.get<std::string>());
      }
    } else {
      for (const Template& choice : choices) item.choices.push_back(choice.render(record, where));
    }
    item.answer = right_choice(item.choices, answer->render(record, where), where);
    return item;
  }

 private:
  // The answer is a choice word for word, or its letter, or its number from 0.
  static int64_t right_choice(const std::vector<std::string>& choices, const std::string& answer,
                              const std::string& where) {
    const auto found = std::ranges::find(choices, answer);
    if (found != choices.end()) return found - choices.begin();
    return answer_index(answer, std::ssize(choices), 0, where);
  }
};

class UserTaskReader {
 public:
  explicit UserTaskReader(const std::filesystem::path& path) : path_(path) {}

  Task read() {
    const YamlNode root = parse_yaml(read_text_file(path_), path_.string());
    if (root.kind != Kind::kMap)
      throw Error(ErrorKind::kBadModel, path_.string(), "expected a task of \"key: value\" lines");
    for (const auto& [key, value] : root.members) member(key, value);
    check(root);
    const auto read = [form = form_](const std::filesystem::path& file) {
      std::vector<Item> items;
      for (const auto& [json, where] : read_json_lines(file)) items.push_back(form.item(json, where));
      return items;
    };
    task_.test = {{data_, read}};
    if (!examples_.empty()) task_.examples = {{examples_, read}};
    task_.question = [](const Item& item) { return Question{{item.question}, item.choices, item.answer}; };
    task_.leaves_out_question = true;
    task_.cloze = form_.target.has_value();
    if (task_.metrics.empty()) {
      task_.metrics = task_.cloze ? std::vector{Metric::kPerplexity, Metric::kAccuracy}
                                  : std::vector{Metric::kAccuracy, Metric::kAccuracyNorm};
    }
    return std::move(task_);
  }

 private:
  std::string place(const YamlNode& node, const std::string& key) const {
    return fmt::format("{}:{}:{}", path_.string(), node.line, key);
  }
  [[noreturn]] void fail(const YamlNode& node, const std::string& key, const std::string& what) const {
    throw Error(ErrorKind::kBadModel, place(node, key), what);
  }

  void member(const std::string& key, const YamlNode& value) {
    if (key == "task")
      task_.name = string(value, key);
    else if (key == "data")
      data_ = file(value, key);
    else if (key == "examples")
      examples_ = file(value, key);
    else if (key == "text")
      form_.text = Template(string(value, key), place(value, key));
    else if (key == "answer")
      form_.answer = Template(string(value, key), place(value, key));
    else if (key == "target")
      form_.target = Template(string(value, key), place(value, key));
    else if (key == "description")
      task_.description = string(value, key);
    else if (key == "delimiter")
      task_.delimiter = string(value, key);
    else if (key == "source")
      task_.source = string(value, key);
    else if (key == "choices")
      choices(value, key);
    else if (key == "metrics")
      metrics(value, key);
    else {
      const std::string meant = closest(key, kKeys);
      fail(value, key.substr(0, 60),
           fmt::format("unknown key, expected one of: {}{}", fmt::join(kKeys, ", "),
                       meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant)));
    }
  }

  void choices(const YamlNode& value, const std::string& key) {
    if (value.kind == Kind::kScalar) {
      form_.choices = {Template(value.scalar, place(value, key))};
      return;
    }
    if (value.kind != Kind::kList)
      fail(value, key, "expected a list, or a member that is one: \"{{choices}}\"");
    for (const YamlNode& item : value.items) form_.choices.emplace_back(string(item, key), place(item, key));
  }

  void metrics(const YamlNode& value, const std::string& key) {
    if (value.kind != Kind::kList) fail(value, key, "expected a list");
    for (const YamlNode& item : value.items) {
      const std::string name = string(item, key);
      const auto found = std::ranges::find(kMetrics, name, metric_name);
      if (found == kMetrics.end()) fail(item, key, "expected acc, acc_norm or perplexity");
      task_.metrics.push_back(*found);
    }
  }

  std::string string(const YamlNode& value, const std::string& key) const {
    if (value.kind == Kind::kScalar) return value.scalar;
    fail(value, key, "expected text");
  }
  std::string file(const YamlNode& value, const std::string& key) const {
    return std::filesystem::absolute(path_.parent_path() / string(value, key)).lexically_normal().string();
  }

  void check(const YamlNode& root) const {
    const auto need = [&](bool there, const char* key) {
      if (!there) fail(root, key, "is missing");
    };
    need(!task_.name.empty(), "task");
    need(!data_.empty(), "data");
    need(form_.text.has_value(), "text");
    if (form_.target) {
      if (form_.answer || !form_.choices.empty())
        fail(root, "target", "and choices exclude each other: a task is a cloze or multiple choice");
    } else {
      need(!form_.choices.empty(), "choices");
      need(form_.answer.has_value(), "answer");
    }
    const bool norm = std::ranges::count(task_.metrics, Metric::kAccuracyNorm) > 0;
    const bool perplexity = std::ranges::count(task_.metrics, Metric::kPerplexity) > 0;
    if (form_.target && norm) fail(root, "metrics", "acc_norm compares choices, a cloze has none");
    if (!form_.target && perplexity) fail(root, "metrics", "perplexity is that of a cloze's target");
  }

  static constexpr std::array kMetrics = {Metric::kAccuracy, Metric::kAccuracyNorm, Metric::kPerplexity};

  std::filesystem::path path_;
  Task task_;
  Form form_;
  std::string data_, examples_;
};

}  // namespace

Task read_user_task(const std::filesystem::path& path) {
  return UserTaskReader(path).read();
}

}  // namespace fptq
