// The key-value pairs of a GGUF file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/byte_reader.h"

namespace fptq {

// As the file numbers them.
enum class GgufType : uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64
};

// One value, still as the bytes of the file: a scalar; a string without its length; or the `count` elements
// of an array one after the other, strings each with a u64 length in front.
struct GgufValue {
  GgufType type = GgufType::kU8;
  GgufType element = GgufType::kU8;  // of an array
  uint64_t count = 0;                // of an array
  std::span<const std::byte> bytes;
};

// Views the file's memory, which must outlive it. Getters throw Error(kBadModel, "file:key") saying what was
// expected and found; those with a fallback return it when the key is absent. Any integer type will do for
// an integer that fits, any integer or floating type for a number. Const members are thread-safe.
class GgufMetadata {
 public:
  GgufMetadata() = default;
  explicit GgufMetadata(std::string where) : where_(std::move(where)) {}
  // Reads one pair. Throws Error(kBadModel) when it is malformed or the key is already there.
  void read_pair(ByteReader& reader);

  bool contains(std::string_view key) const { return find(key) != nullptr; }
  // Null when there is no such key.
  const GgufValue* find(std::string_view key) const;
  // In the order of the file.
  const std::vector<std::string>& keys() const { return keys_; }

  int64_t get_int(std::string_view key) const;
  int64_t get_int(std::string_view key, int64_t fallback) const;
  double get_number(std::string_view key) const;
  double get_number(std::string_view key, double fallback) const;
  bool get_bool(std::string_view key) const;
  bool get_bool(std::string_view key, bool fallback) const;
  std::string get_string(std::string_view key) const;
  std::string get_string(std::string_view key, const std::string& fallback) const;
  // Arrays; empty ones may be of any type.
  std::vector<int64_t> get_ints(std::string_view key) const;
  std::vector<double> get_numbers(std::string_view key) const;
  std::vector<std::string> get_strings(std::string_view key) const;

 private:
  const GgufValue& array(std::string_view key, const char* expected) const;
  [[noreturn]] void wrong(std::string_view key, const char* expected) const;

  std::string where_;
  std::vector<std::string> keys_;
  std::vector<GgufValue> values_;
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace fptq
