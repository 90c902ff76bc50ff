#include "tasks/template.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "fptq/error.h"
#include "tasks/python_text.h"

namespace fptq {
namespace {

// "name.inner[0]" as name, inner, 0.
std::vector<std::string> split_path(std::string_view name) {
  std::vector<std::string> path;
  while (!name.empty()) {
    const size_t end = std::min(name.find_first_of(".[]"), name.size());
    if (end > 0) path.emplace_back(name.substr(0, end));
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return path;
}

const Json* step(const Json& from, const std::string& name) {
  if (from.is_object()) return json_find(from, name.c_str());
  size_t index = 0;
  const auto [stopped, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  const bool whole = error == std::errc() && stopped == name.data() + name.size();
  return from.is_array() && whole && index < from.size() ? &from[index] : nullptr;
}

}  // namespace

Template::Template(std::string_view text, const std::string& where) {
  while (!text.empty()) {
    const size_t open = std::min(text.find("{{"), text.size());
    if (open > 0) parts_.push_back({std::string(text.substr(0, open)), {}});
    text.remove_prefix(open);
    if (text.empty()) break;
    const size_t close = text.find("}}");
    if (close == std::string_view::npos) throw Error(ErrorKind::kBadModel, where, "\"{{\" without \"}}\"");
    Part& part = parts_.emplace_back();
    part.path = split_path(python_strip(text.substr(2, close - 2)));
    if (part.path.empty()) throw Error(ErrorKind::kBadModel, where, "\"{{}}\" names nothing");
    text.remove_prefix(close + 2);
  }
}

const Json& Template::find(const Part& part, const Json& record, const std::string& where) {
  const Json* found = &record;
  for (const std::string& name : part.path) {
    found = step(*found, name);
    if (found == nullptr) {
      throw Error(ErrorKind::kBadModel, fmt::format("{}:{}", where, fmt::join(part.path, ".")), "is missing");
    }
  }
  return *found;
}

std::string Template::render(const Json& record, const std::string& where) const {
  std::string out;
  for (const Part& part : parts_) {
    if (part.path.empty()) {
      out += part.text;
      continue;
    }
    const Json& value = find(part, record, where);
    if (value.is_structured() || value.is_null()) {
      throw Error(ErrorKind::kBadModel, fmt::format("{}:{}", where, fmt::join(part.path, ".")),
                  fmt::format("expected text or a number, found {}", value.type_name()));
    }
    out += value.is_string() ? value.get<std::string>() : value.dump();
  }
  return out;
}

const Json* Template::member(const Json& record, const std::string& where) const {
  if (parts_.size() != 1 || parts_.front().path.empty()) return nullptr;
  return &find(parts_.front(), record, where);
}

}  // namespace fptq
