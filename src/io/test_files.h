// Builds the files that the tests of this folder read, well-formed or not.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace fptq {

inline std::span<const std::byte> as_file(const std::string& bytes) {
  return std::as_bytes(std::span(bytes.data(), bytes.size()));
}

template <typename T>
std::string little_endian(T v) {
  std::string bytes(sizeof v, '\0');
  std::memcpy(bytes.data(), &v, sizeof v);
  return bytes;
}

// A safetensors file of this header and `data_bytes` bytes of data.
inline std::string safetensors_file(std::string_view header, size_t data_bytes) {
  return little_endian<uint64_t>(header.size()) + std::string(header) + std::string(data_bytes, '\x3c');
}

// Writes GGUF piece by piece; every method can be given what no file should hold.
class GgufBuilder {
 public:
  explicit GgufBuilder(uint64_t tensors, uint64_t pairs, uint32_t version = 3,
                       std::string_view magic = "GGUF") {
    raw(magic).number(version).number(tensors).number(pairs);
  }

  GgufBuilder& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  template <typename T>
  GgufBuilder& number(T v) {
    bytes_ += little_endian(v);
    return *this;
  }
  GgufBuilder& text(std::string_view s) { return number<uint64_t>(s.size()).raw(s); }
  // A scalar under `key`; `type` as the file numbers it.
  template <typename T>
  GgufBuilder& pair(std::string_view key, uint32_t type, T value) {
    return text(key).number(type).number(value);
  }
  GgufBuilder& pair(std::string_view key, std::string_view value) { return text(key).number(8u).text(value); }
  // `dims` innermost first, as in the file.
  GgufBuilder& tensor(std::string_view name, std::initializer_list<int64_t> dims, uint32_t type,
                      uint64_t offset) {
    text(name).number(static_cast<uint32_t>(dims.size()));
    for (const int64_t d : dims) number(d);
    return number(type).number(offset);
  }
  // Padding up to `alignment`, then `data_bytes` bytes.
  GgufBuilder& data(size_t data_bytes, size_t alignment = 32) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
    bytes_.append(data_bytes, '\x3c');
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace fptq
