#include "tasks/records.h"

#include <fmt/format.h>

#include <charconv>

#include "base/file_io.h"
#include "fptq/error.h"
#include "tasks/python_text.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void malformed(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::kBadModel, where, what);
}

std::string at_line(const fs::path& path, int64_t line) {
  return fmt::format("{}:{}", path.string(), line);
}

Json parse_object(std::string_view text, const std::string& where) {
  Json json = parse_json(text, where);
  if (!json.is_object()) malformed(where, fmt::format("expected a JSON object, found {}", json.type_name()));
  return json;
}

}  // namespace

std::vector<LineRecord> read_lines(const fs::path& path) {
  const std::string text = read_text_file(path);
  std::vector<LineRecord> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back({std::move(line), at_line(path, std::ssize(lines) + 1)});
    at = end + 1;
  }
  return lines;
}

std::vector<JsonRecord> read_json_lines(const fs::path& path) {
  std::vector<JsonRecord> records;
  for (const LineRecord& line : read_lines(path)) {
    if (!python_strip(line.value).empty())
      records.push_back({parse_object(line.value, line.where), line.where});
  }
  return records;
}

std::vector<JsonRecord> read_json_array(const fs::path& path) {
  const Json array = parse_json(read_text_file(path), path.string());
  if (!array.is_array()) {
    malformed(path.string(), fmt::format("expected a JSON array, found {}", array.type_name()));
  }
  std::vector<JsonRecord> records;
  for (const Json& entry : array) {
    const std::string where = fmt::format("{}:entry {}", path.string(), records.size() + 1);
    if (!entry.is_object())
      malformed(where, fmt::format("expected a JSON object, found {}", entry.type_name()));
    records.push_back({entry, where});
  }
  return records;
}

std::vector<FieldsRecord> read_csv(const fs::path& path) {
  const std::string text = read_text_file(path);
  std::vector<FieldsRecord> rows;
  int64_t line = 1;
  for (size_t at = 0; at < text.size();) {
    FieldsRecord row{{}, at_line(path, line)};
    for (bool more = true; more;) {
      std::string field;
      if (at < text.size() && text[at] == '"') {
        for (++at;; ++at) {
          if (at >= text.size()) malformed(row.where, "a quoted field does not end");
          if (text[at] == '\n') ++line;
          if (text[at] == '"' && (at + 1 == text.size() || text[at + 1] != '"')) break;
          if (text[at] == '"') ++at;
          field += text[at];
        }
        ++at;
      }
      const size_t end = std::min(text.find_first_of(",\n", at), text.size());
      field += text.substr(at, end - at);
      more = end < text.size() && text[end] == ',';
      if (!more && field.ends_with('\r')) field.pop_back();
      row.value.push_back(std::move(field));
      at = end + 1;
    }
    ++line;
    if (row.value.size() > 1 || !row.value.front().empty()) rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<FieldsRecord> read_tsv(const fs::path& path) {
  std::vector<FieldsRecord> rows;
  for (const LineRecord& line : read_lines(path)) {
    FieldsRecord& row = rows.emplace_back(FieldsRecord{{}, line.where});
    for (size_t at = 0; at <= line.value.size();) {
      const size_t end = std::min(line.value.find('\t', at), line.value.size());
      row.value.push_back(line.value.substr(at, end - at));
      at = end + 1;
    }
  }
  return rows;
}

std::vector<std::string> json_strings(const Json& object, const char* key, const std::string& where) {
  std::vector<std::string> strings;
  for (const Json& entry : json_member(object, key, where)) {
    if (!entry.is_string()) {
      malformed(fmt::format("{}:{}", where, key),
                fmt::format("expected strings, found {}", entry.type_name()));
    }
    strings.push_back(entry.get<std::string>());
  }
  return strings;
}

const Json& json_member(const Json& object, const char* key, const std::string& where) {
  const Json* member = object.is_object() ? json_find(object, key) : nullptr;
  if (member != nullptr && member->is_structured()) return *member;
  malformed(fmt::format("{}:{}", where, key),
            member == nullptr ? std::string("is missing")
                              : fmt::format("expected an object or array, found {}", member->type_name()));
}

int64_t answer_index(std::string_view answer, int64_t count, int64_t first, const std::string& where) {
  const std::string_view text = python_strip(answer);
  int64_t index = -1;
  if (text.size() == 1 && text[0] >= 'A' && text[0] <= 'Z') {
    index = text[0] - 'A';
  } else {
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    index = error == std::errc() && stopped == text.data() + text.size() ? index - first : -1;
  }
  if (index >= 0 && index < count) return index;
  malformed(where, fmt::format("expected the letter or number of one of {} choices, found \"{}\"", count,
                               text.substr(0, 40)));
}

}  // namespace fptq
