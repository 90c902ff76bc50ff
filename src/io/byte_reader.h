// Takes little-endian values off a buffer, never past its end.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "fptq/error.h"

namespace fptq {

class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  const std::string& where() const { return where_; }
  // From now on errors name `where`: the key or tensor that is being read.
  void set_where(std::string where) { where_ = std::move(where); }

  // The next `n` bytes; `what` names them in the Error(kBadModel) thrown when so many are not left.
  std::span<const std::byte> take_bytes(uint64_t n, const char* what) {
    if (n > remaining()) {
      throw Error(
          ErrorKind::kBadModel, where_,
          fmt::format("{} takes {} bytes at byte {}, but only {} are left: the file is truncated or damaged",
                      what, n, position_, remaining()));
    }
    const auto taken = bytes_.subspan(position_, n);
    position_ += n;
    return taken;
  }

  template <typename T>
  T take(const char* what) {
    static_assert(std::is_arithmetic_v<T>);
    T v;
    std::memcpy(&v, take_bytes(sizeof v, what).data(), sizeof v);
    return v;
  }

 private:
  std::span<const std::byte> bytes_;
  std::string where_;
  size_t position_ = 0;
};

}  // namespace fptq
