#include "base/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "fptq/error.h"

namespace fptq {
namespace {

// Builds the tree from events, so that lines, duplicate keys and aliases are seen.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const std::string& where) : where_(where) {}

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    put(node(YamlNode::Kind::kNull, mark), mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { fail(mark, "aliases are not supported"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    check_tag(mark, tag);
    YamlNode scalar = node(YamlNode::Kind::kScalar, mark);
    scalar.scalar = value;
    scalar.quoted = tag == kQuoted;
    if (awaits_key()) {
      take_key(mark, value);
    } else {
      put(std::move(scalar), mark);
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kList, mark, tag);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, tag);
  }
  void OnMapEnd() override { close(); }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    fail(mark, "anchors are not supported");
  }

 private:
  // What the parser gives as tags of scalars that have none.
  static constexpr const char* kQuoted = "!";
  static constexpr const char* kPlain = "?";

  // A list or map under way; `has_key` while a map's key waits for its value.
  struct Frame {
    YamlNode node;
    YAML::Mark mark;
    bool has_key = false;
  };

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) const {
    throw Error(ErrorKind::kBadModel, fmt::format("{}:{}", where_, mark.line + 1), what);
  }
  void check_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (!tag.empty() && tag != kQuoted && tag != kPlain) fail(mark, "tags are not supported");
  }
  static YamlNode node(YamlNode::Kind kind, const YAML::Mark& mark) {
    YamlNode n;
    n.kind = kind;
    n.line = mark.line + 1;
    return n;
  }
  bool awaits_key() const {
    return !stack_.empty() && stack_.back().node.kind == YamlNode::Kind::kMap && !stack_.back().has_key;
  }
  void take_key(const YAML::Mark& mark, const std::string& key) {
    Frame& frame = stack_.back();
    const auto& members = frame.node.members;
    if (std::any_of(members.begin(), members.end(), [&](const auto& m) { return m.first == key; })) {
      fail(mark, fmt::format("\"{}\" is there twice", key));
    }
    frame.node.members.emplace_back(key, node(YamlNode::Kind::kNull, mark));
    frame.has_key = true;
  }
  void put(YamlNode value, const YAML::Mark& mark) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (awaits_key()) {
      fail(mark, "expected a name as key");
    } else if (stack_.back().node.kind == YamlNode::Kind::kMap) {
      // A value that is not there has its key's line; the parser gives that of what follows.
      if (value.kind != YamlNode::Kind::kNull) stack_.back().node.members.back().second = std::move(value);
      stack_.back().has_key = false;
    } else {
      stack_.back().node.items.push_back(std::move(value));
    }
  }
  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    check_tag(mark, tag);
    if (awaits_key()) fail(mark, "expected a name as key");
    stack_.push_back({node(kind, mark), mark});
  }
  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    put(std::move(frame.node), frame.mark);
  }

  const std::string& where_;
  YamlNode root_;
  std::vector<Frame> stack_;
};

}  // namespace

YamlNode parse_yaml(std::string_view text, const std::string& where, size_t max_bytes) {
  if (text.size() > max_bytes) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("is {} bytes of YAML, at most {} are accepted", text.size(), max_bytes));
  }
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(where);
  try {
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    TreeBuilder another(where);
    if (parser.HandleNextDocument(another)) {
      throw Error(ErrorKind::kBadModel, where, "holds more than one document, expected one");
    }
  } catch (const YAML::Exception& e) {
    throw Error(ErrorKind::kBadModel, fmt::format("{}:{}", where, e.mark.line + 1),
                "not valid YAML: " + e.msg);
  }
  return builder.take();
}

}  // namespace fptq
