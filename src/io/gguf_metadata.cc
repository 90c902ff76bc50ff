#include "io/gguf_metadata.h"

#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "base/checked.h"
#include "io/printable.h"

namespace fptq {
namespace {

constexpr uint64_t kMaxKey = 65535;

struct TypeInfo {
  const char* name;
  size_t size;  // 0: it varies
};

constexpr std::array<TypeInfo, 13> kTypes = {{{"uint8", 1},
                                              {"int8", 1},
                                              {"uint16", 2},
                                              {"int16", 2},
                                              {"uint32", 4},
                                              {"int32", 4},
                                              {"float32", 4},
                                              {"bool", 1},
                                              {"string", 0},
                                              {"array", 0},
                                              {"uint64", 8},
                                              {"int64", 8},
                                              {"float64", 8}}};

const TypeInfo& info(GgufType type) {
  return kTypes[static_cast<size_t>(type)];
}

GgufType take_type(ByteReader& reader, const char* what) {
  const auto id = reader.take<uint32_t>(what);
  if (id >= kTypes.size()) {
    throw Error(ErrorKind::kBadModel, reader.where(),
                fmt::format("{} {} is unknown, expected 0 to 12", what, id));
  }
  return static_cast<GgufType>(id);
}

std::span<const std::byte> take_string(ByteReader& reader, const char* what) {
  return reader.take_bytes(reader.take<uint64_t>("the length of a string"), what);
}

std::span<const std::byte> take_elements(ByteReader& reader, GgufType type, uint64_t count) {
  if (const size_t size = info(type).size; size != 0) {
    return reader.take_bytes(checked_mul<uint64_t>(count, size, reader.where()), "an array");
  }
  if (type == GgufType::kArray) throw Error(ErrorKind::kBadModel, reader.where(), "is an array of arrays");
  ByteReader start = reader;
  for (uint64_t i = 0; i < count; ++i) take_string(reader, "a string of an array");
  return start.take_bytes(reader.position() - start.position(), "an array");
}

std::string to_text(std::span<const std::byte> bytes) {
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

template <typename T>
T load(const std::byte* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// Nothing when the type is no integer, or the value none of int64.
std::optional<int64_t> to_int(GgufType type, const std::byte* p) {
  switch (type) {
    case GgufType::kU8:
      return load<uint8_t>(p);
    case GgufType::kI8:
      return load<int8_t>(p);
    case GgufType::kU16:
      return load<uint16_t>(p);
    case GgufType::kI16:
      return load<int16_t>(p);
    case GgufType::kU32:
      return load<uint32_t>(p);
    case GgufType::kI32:
      return load<int32_t>(p);
    case GgufType::kI64:
      return load<int64_t>(p);
    case GgufType::kU64: {
      const auto v = load<uint64_t>(p);
      return std::in_range<int64_t>(v) ? std::optional(static_cast<int64_t>(v)) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> to_number(GgufType type, const std::byte* p) {
  if (type == GgufType::kF32) return load<float>(p);
  if (type == GgufType::kF64) return load<double>(p);
  const std::optional<int64_t> v = to_int(type, p);
  return v ? std::optional(static_cast<double>(*v)) : std::nullopt;
}

// A short line about what is there, for errors.
std::string shown(const GgufValue& v) {
  if (v.type == GgufType::kString) return '"' + printable(to_text(v.bytes)) + '"';
  if (v.type == GgufType::kArray) return fmt::format("an array of {} {}", v.count, info(v.element).name);
  if (const auto i = to_int(v.type, v.bytes.data())) return fmt::format("{} ({})", *i, info(v.type).name);
  if (const auto x = to_number(v.type, v.bytes.data())) return fmt::format("{} ({})", *x, info(v.type).name);
  if (v.type == GgufType::kU64) return fmt::format("{} (uint64)", load<uint64_t>(v.bytes.data()));
  return fmt::format("{} byte {}", info(v.type).name, load<uint8_t>(v.bytes.data()));
}

}  // namespace

void GgufMetadata::read_pair(ByteReader& reader) {
  const auto key_size = reader.take<uint64_t>("the length of a key");
  if (key_size == 0 || key_size > kMaxKey) {
    throw Error(
        ErrorKind::kBadModel, where_,
        fmt::format("key {} has a name of {} bytes, expected 1 to {}", keys_.size(), key_size, kMaxKey));
  }
  std::string key = to_text(reader.take_bytes(key_size, "a key"));
  if (!index_.emplace(key, keys_.size()).second) {
    throw Error(ErrorKind::kBadModel, where_in(where_, key), "duplicate key");
  }
  reader.set_where(where_in(where_, key));
  GgufValue v;
  v.type = take_type(reader, "value type");
  if (v.type == GgufType::kArray) {
    v.element = take_type(reader, "element type");
    v.count = reader.take<uint64_t>("the length of an array");
    v.bytes = take_elements(reader, v.element, v.count);
  } else if (v.type == GgufType::kString) {
    v.bytes = take_string(reader, "a string");
  } else {
    v.bytes = reader.take_bytes(info(v.type).size, "a value");
  }
  reader.set_where(where_);
  keys_.push_back(std::move(key));
  values_.push_back(v);
}

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto it = index_.find(std::string(key));
  return it == index_.end() ? nullptr : &values_[it->second];
}

void GgufMetadata::wrong(std::string_view key, const char* expected) const {
  const GgufValue* v = find(key);
  throw Error(ErrorKind::kBadModel, where_in(where_, key),
              fmt::format("expected {}, found {}", expected, v == nullptr ? "nothing" : shown(*v)));
}

int64_t GgufMetadata::get_int(std::string_view key) const {
  const GgufValue* v = find(key);
  const auto result = v == nullptr ? std::nullopt : to_int(v->type, v->bytes.data());
  if (!result) wrong(key, "an integer");
  return *result;
}

int64_t GgufMetadata::get_int(std::string_view key, int64_t fallback) const {
  return contains(key) ? get_int(key) : fallback;
}

double GgufMetadata::get_number(std::string_view key) const {
  const GgufValue* v = find(key);
  const auto result = v == nullptr ? std::nullopt : to_number(v->type, v->bytes.data());
  if (!result) wrong(key, "a number");
  return *result;
}

double GgufMetadata::get_number(std::string_view key, double fallback) const {
  return contains(key) ? get_number(key) : fallback;
}

bool GgufMetadata::get_bool(std::string_view key) const {
  const GgufValue* v = find(key);
  if (v == nullptr || v->type != GgufType::kBool || load<uint8_t>(v->bytes.data()) > 1)
    wrong(key, "true or false");
  return load<uint8_t>(v->bytes.data()) == 1;
}

bool GgufMetadata::get_bool(std::string_view key, bool fallback) const {
  return contains(key) ? get_bool(key) : fallback;
}

std::string GgufMetadata::get_string(std::string_view key) const {
  const GgufValue* v = find(key);
  if (v == nullptr || v->type != GgufType::kString) wrong(key, "a string");
  return to_text(v->bytes);
}

std::string GgufMetadata::get_string(std::string_view key, const std::string& fallback) const {
  return contains(key) ? get_string(key) : fallback;
}

const GgufValue& GgufMetadata::array(std::string_view key, const char* expected) const {
  const GgufValue* v = find(key);
  if (v == nullptr || v->type != GgufType::kArray) wrong(key, expected);
  return *v;
}

std::vector<int64_t> GgufMetadata::get_ints(std::string_view key) const {
  constexpr const char* kExpected = "an array of integers";
  const GgufValue& v = array(key, kExpected);
  std::vector<int64_t> out;
  for (uint64_t i = 0; i < v.count; ++i) {
    const auto element = to_int(v.element, v.bytes.data() + i * info(v.element).size);
    if (!element) wrong(key, kExpected);
    out.push_back(*element);
  }
  return out;
}

std::vector<double> GgufMetadata::get_numbers(std::string_view key) const {
  constexpr const char* kExpected = "an array of numbers";
  const GgufValue& v = array(key, kExpected);
  std::vector<double> out;
  for (uint64_t i = 0; i < v.count; ++i) {
    const auto element = to_number(v.element, v.bytes.data() + i * info(v.element).size);
    if (!element) wrong(key, kExpected);
    out.push_back(*element);
  }
  return out;
}

std::vector<std::string> GgufMetadata::get_strings(std::string_view key) const {
  const GgufValue& v = array(key, "an array of strings");
  if (v.count != 0 && v.element != GgufType::kString) wrong(key, "an array of strings");
  std::vector<std::string> out;
  ByteReader reader(v.bytes, where_in(where_, key));
  for (uint64_t i = 0; i < v.count; ++i) out.push_back(to_text(take_string(reader, "a string")));
  return out;
}

}  // namespace fptq
