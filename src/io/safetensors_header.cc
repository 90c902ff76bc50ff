#include "io/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <tuple>

#include "base/checked.h"
#include "base/json.h"
#include "io/foreign_file.h"
#include "io/printable.h"

namespace fptq {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr size_t kMaxRank = 8;
constexpr size_t kMaxName = 1024;

[[noreturn]] void bad(const std::string& where, const std::string& what, const std::string& fix = {}) {
  throw Error(ErrorKind::kBadModel, where, what, fix);
}

// The start of the file makes no sense: perhaps it is something else altogether.
[[noreturn]] void bad_start(std::span<const std::byte> file, const std::string& where,
                            const std::string& what) {
  const ForeignFile foreign = recognize_foreign_file(file);
  if (foreign.what.empty()) bad(where, what);
  bad(where, foreign.what, foreign.fix);
}

std::string_view header_text(std::span<const std::byte> file, const std::string& where) {
  if (file.size() < kLengthBytes) {
    bad_start(file, where, fmt::format("is {} bytes, a safetensors file has at least 8", file.size()));
  }
  uint64_t length;
  std::memcpy(&length, file.data(), sizeof length);
  if (length > kMaxSafetensorsHeader) {
    bad_start(file, where,
              fmt::format("header of {} bytes, at most {} are allowed", length, kMaxSafetensorsHeader));
  }
  if (length > file.size() - kLengthBytes) {
    bad_start(
        file, where,
        fmt::format("header of {} bytes, but only {} follow its length: the file is truncated or damaged",
                    length, file.size() - kLengthBytes));
  }
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes, length);
  if (text.empty()) bad(where, "header of 0 bytes, expected a JSON object");
  if (text.front() != '{') {
    bad_start(file, where,
              fmt::format("header begins with byte 0x{:02x}, expected '{{'",
                          static_cast<unsigned char>(text.front())));
  }
  return text;
}

const Json& member(const Json& entry, const char* key, const std::string& where) {
  const auto it = entry.find(key);
  if (it == entry.end()) bad(where, fmt::format("{} is missing", key));
  return *it;
}

// The types of the format that fptq has no use for are told from those that do not exist.
DType read_dtype(const Json& entry, const std::string& where) {
  const Json& value = member(entry, "dtype", where);
  if (!value.is_string()) bad(where, fmt::format("dtype is {}, expected a string", value.type_name()));
  const auto& name = value.get_ref<const std::string&>();
  const DTypeInfo* info = find_dtype(name);
  if (info != nullptr && info->block_size == 1) return info->dtype;
  constexpr std::string_view kKnown[] = {"F4",          "F6_E2M3",     "F6_E3M2", "F8_E8M0",
                                         "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64"};
  const bool known = std::ranges::find(kKnown, name) != std::end(kKnown);
  bad(where, fmt::format("{} dtype \"{}\"", known ? "unsupported" : "unknown", printable(name)),
      known ? "convert the tensor to F32, F16 or BF16" : "");
}

uint64_t read_unsigned(const Json& value, const char* key, const std::string& where) {
  // -0, 2.0 and numbers beyond 64 bits are none of them unsigned integers to the parser.
  if (!value.is_number_unsigned()) {
    bad(where,
        fmt::format("{} holds {}, expected an integer from 0 to 2^64 - 1", key, printable(value.dump())));
  }
  return value.get<uint64_t>();
}

Shape read_shape(const Json& entry, const std::string& where) {
  const Json& value = member(entry, "shape", where);
  if (!value.is_array()) bad(where, fmt::format("shape is {}, expected an array", value.type_name()));
  if (value.size() > kMaxRank) {
    bad(where, fmt::format("shape has {} dimensions, at most {} are accepted", value.size(), kMaxRank));
  }
  Shape shape;
  for (const Json& d : value) {
    shape.push_back(checked_cast<int64_t>(read_unsigned(d, "shape", where), where + ": shape"));
  }
  return shape;
}

// `begin` of the result counts from the start of the data.
StoredTensor read_tensor(const std::string& name, const Json& entry, const std::string& file) {
  const std::string where = where_in(file, name);
  if (const std::string why = bad_tensor_name(name); !why.empty()) bad(where, why);
  if (!entry.is_object()) bad(where, fmt::format("entry is {}, expected an object", entry.type_name()));
  StoredTensor t{.name = name, .dtype = read_dtype(entry, where), .shape = read_shape(entry, where)};
  const Json& offsets = member(entry, "data_offsets", where);
  if (!offsets.is_array() || offsets.size() != 2) {
    bad(where, fmt::format("data_offsets is {}, expected two integers", printable(offsets.dump())));
  }
  const uint64_t begin = read_unsigned(offsets[0], "data_offsets", where);
  const uint64_t end = read_unsigned(offsets[1], "data_offsets", where);
  if (begin > end) bad(where, fmt::format("data_offsets [{}, {}] end before they begin", begin, end));
  t.begin = begin;
  t.size = storage_bytes(t.dtype, t.shape, where);
  if (end - begin != t.size) {
    bad(where, fmt::format("data_offsets [{}, {}] hold {} bytes, but {} {} takes {}", begin, end, end - begin,
                           dtype_info(t.dtype).name, to_string(t.shape), t.size));
  }
  return t;
}

std::map<std::string, std::string> read_metadata(const Json& value, const std::string& file) {
  const std::string where = file + ":__metadata__";
  std::map<std::string, std::string> metadata;
  if (value.is_null()) return metadata;
  if (!value.is_object()) bad(where, fmt::format("is {}, expected an object", value.type_name()));
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) {
      bad(where, fmt::format("\"{}\" is {}, expected a string", printable(key), text.type_name()));
    }
    metadata.emplace(key, text.get_ref<const std::string&>());
  }
  return metadata;
}

// Every byte of the data belongs to exactly one tensor: a hole, an overlap or a rest would be a place to
// hide something in, and the end of a truncated file.
void expect_full_cover(std::span<const StoredTensor> tensors, size_t data_size, const std::string& file) {
  const StoredTensor* previous = nullptr;
  size_t covered = 0;
  for (const StoredTensor& t : tensors) {
    const std::string what = fmt::format("data begins at offset {}, expected {}: ", t.begin, covered);
    if (t.begin > covered) {
      bad(where_in(file, t.name),
          what + fmt::format("{} bytes before it belong to no tensor", t.begin - covered));
    }
    if (t.begin < covered)
      bad(where_in(file, t.name), what + "it overlaps \"" + printable(previous->name) + '"');
    covered += t.size;  // cannot overflow: equals the tensor's end offset
    if (covered > data_size) {
      bad(where_in(file, t.name),
          fmt::format("data ends at offset {}, but the file has {} bytes of data: the "
                      "file is truncated, {} or more bytes are missing",
                      covered, data_size, covered - data_size));
    }
    previous = &t;
  }
  if (covered < data_size) {
    bad(file, fmt::format("{} bytes follow the last tensor, expected none", data_size - covered));
  }
}

}  // namespace

std::string bad_tensor_name(const std::string& name) {
  if (name.empty()) return "a tensor has an empty name";
  if (name.size() > kMaxName)
    return fmt::format("name of {} bytes, at most {} are accepted", name.size(), kMaxName);
  if (name.find('\0') != std::string::npos) return "a tensor's name holds a NUL character";
  return {};
}

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file, const std::string& where) {
  const std::string_view text = header_text(file, where);
  const Json root = parse_json(text, where, {.max_bytes = kMaxSafetensorsHeader});
  SafetensorsHeader header;
  header.tensors.reserve(root.size());
  for (const auto& [name, entry] : root.items()) {
    if (name == "__metadata__") {
      header.metadata = read_metadata(entry, where);
    } else {
      header.tensors.push_back(read_tensor(name, entry, where));
    }
  }
  // Empty tensors first, so that they share the offset of what follows them.
  std::ranges::stable_sort(header.tensors, {},
                           [](const StoredTensor& t) { return std::tuple(t.begin, t.size); });
  const size_t data_begin = kLengthBytes + text.size();
  expect_full_cover(header.tensors, file.size() - data_begin, where);
  for (StoredTensor& t : header.tensors) t.begin += data_begin;
  return header;
}

}  // namespace fptq
