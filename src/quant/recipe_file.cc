#include "quant/recipe_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "base/yaml.h"
#include "fptq/error.h"
#include "fptq/suggest.h"

namespace fptq {
namespace {

using Kind = YamlNode::Kind;

class RecipeReader {
 public:
  explicit RecipeReader(const std::string& where) : where_(where) {}

  Recipe read(const YamlNode& root) {
    expect_map(root, "a recipe");
    Recipe recipe;
    recipe.defaults.where = line(root);
    std::vector<RecipeRule> ignored;
    for (const auto& [key, value] : root.members) {
      if (key == "rules") {
        if (value.kind != Kind::kList) fail(value, key, "expected a list of rules");
        for (const YamlNode& item : value.items) recipe.rules.push_back(rule(item));
      } else if (key == "ignore") {
        RecipeRule& ignore = ignored.emplace_back();
        ignore.targets = strings(value, key);
        ignore.ignore = true;
        ignore.where = line(value);
      } else if (!setting(key, value, recipe.defaults)) {
        unknown(value, key, {"method", "scheme", "bits", "group_size", "symmetric", "ignore", "rules"});
      }
    }
    recipe.rules.insert(recipe.rules.end(), ignored.begin(), ignored.end());
    return recipe;
  }

 private:
  std::string line(const YamlNode& node) const { return fmt::format("{}:{}", where_, node.line); }
  [[noreturn]] void fail(const YamlNode& node, const std::string& key, const std::string& what) const {
    throw Error(ErrorKind::kBadModel, fmt::format("{}:{}", line(node), key), what);
  }
  [[noreturn]] void unknown(const YamlNode& node, const std::string& key,
                            const std::vector<std::string>& known) const {
    const std::string meant = closest(key, known);
    fail(node, key.substr(0, 60),
         fmt::format("unknown key, expected one of: {}{}", fmt::join(known, ", "),
                     meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant)));
  }
  void expect_map(const YamlNode& node, const char* what) const {
    if (node.kind == Kind::kMap) return;
    throw Error(ErrorKind::kBadModel, line(node), fmt::format("expected {} of \"key: value\" lines", what));
  }

  RecipeRule rule(const YamlNode& node) const {
    expect_map(node, "a rule");
    RecipeRule rule;
    rule.where = line(node);
    for (const auto& [key, value] : node.members) {
      if (key == "targets") {
        rule.targets = strings(value, key);
      } else if (key == "ignore") {
        rule.ignore = boolean(value, key);
      } else if (!setting(key, value, rule)) {
        unknown(value, key, {"targets", "method", "scheme", "bits", "group_size", "symmetric", "ignore"});
      }
    }
    if (rule.targets.empty()) fail(node, "targets", "is missing: which layers does this rule hold for?");
    const bool sets = rule.method || rule.scheme || rule.bits || rule.group_size || rule.symmetric;
    if (sets == rule.ignore) {
      fail(node, "targets",
           sets ? "are ignored and given settings: expected one or the other"
                : "are given nothing: expected method, scheme, bits, group_size, symmetric or ignore: true");
    }
    return rule;
  }

  // Whether `key` is a setting; sets it in `rule`.
  bool setting(const std::string& key, const YamlNode& value, RecipeRule& rule) const {
    if (key == "method") {
      rule.method = string(value, key);
    } else if (key == "scheme") {
      rule.scheme = string(value, key);
    } else if (key == "bits") {
      rule.bits = static_cast<int>(integer(value, key, 1, 16));
    } else if (key == "group_size") {
      rule.group_size = integer(value, key, -1, 65536);
    } else if (key == "symmetric") {
      rule.symmetric = boolean(value, key);
    } else {
      return false;
    }
    return true;
  }

  std::string string(const YamlNode& value, const std::string& key) const {
    if (value.kind == Kind::kScalar && !value.scalar.empty()) return value.scalar;
    fail(value, key, "expected a name");
  }
  int64_t integer(const YamlNode& value, const std::string& key, int64_t min, int64_t max) const {
    int64_t number = 0;
    const std::string& text = value.scalar;
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = value.kind == Kind::kScalar && !value.quoted && error == std::errc() &&
                       stopped == text.data() + text.size();
    if (whole && number >= min && number <= max) return number;
    fail(value, key, fmt::format("expected a whole number from {} to {}{}", min, max, found(value)));
  }
  bool boolean(const YamlNode& value, const std::string& key) const {
    if (value.kind == Kind::kScalar && !value.quoted) {
      if (value.scalar == "true") return true;
      if (value.scalar == "false") return false;
    }
    fail(value, key, "expected true or false" + found(value));
  }
  // One string, or a list of them.
  std::vector<std::string> strings(const YamlNode& value, const std::string& key) const {
    if (value.kind != Kind::kList) return {string(value, key)};
    std::vector<std::string> out;
    for (const YamlNode& item : value.items) out.push_back(string(item, key));
    if (out.empty()) fail(value, key, "is an empty list");
    return out;
  }
  static std::string found(const YamlNode& value) {
    return value.kind == Kind::kScalar ? fmt::format(", found '{}'", value.scalar.substr(0, 60)) : "";
  }

  const std::string& where_;
};

}  // namespace

Recipe parse_recipe(std::string_view text, const std::string& where) {
  return RecipeReader(where).read(parse_yaml(text, where));
}

}  // namespace fptq
