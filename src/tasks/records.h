// Files of records. All of these throw Error(kIo) when the file cannot be read and Error(kBadModel,
// "file:line") for what is not of the form.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace fptq {

// A part of a file and the place that errors name.
template <typename Value>
struct Record {
  Value value;
  std::string where;  // "file:line", or "file:entry N" of an array
};
using JsonRecord = Record<Json>;
using LineRecord = Record<std::string>;
using FieldsRecord = Record<std::vector<std::string>>;

// Lines without their ends; a last empty one does not count.
std::vector<LineRecord> read_lines(const std::filesystem::path& path);
// One object a line; empty lines are passed over.
std::vector<JsonRecord> read_json_lines(const std::filesystem::path& path);
// An array of objects.
std::vector<JsonRecord> read_json_array(const std::filesystem::path& path);
// Comma-separated values (RFC 4180): quoted fields may hold commas, line ends and doubled quotes.
std::vector<FieldsRecord> read_csv(const std::filesystem::path& path);
// Tab-separated values without quoting.
std::vector<FieldsRecord> read_tsv(const std::filesystem::path& path);

// The strings of an array, or Error(kBadModel, where:key).
std::vector<std::string> json_strings(const Json& object, const char* key, const std::string& where);
// `object[key]`, which must be an object or an array; or Error(kBadModel, where:key).
const Json& json_member(const Json& object, const char* key, const std::string& where);

// Index of the right one of `count` choices from "A".. or from a number, of which `first` is the first.
// Spaces around it do not count. Throws Error(kBadModel, where).
int64_t answer_index(std::string_view answer, int64_t count, int64_t first, const std::string& where);

}  // namespace fptq
