// The "decoder" of a tokenizer.json: makes text of token strings.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace fptq {

// Strings one behind the other in one buffer.
class StringList {
 public:
  void add(std::string_view s) {
    bytes_ += s;
    close();
  }
  // What was appended to bytes() since the last close() becomes a string.
  std::string& bytes() { return bytes_; }
  void close() { ends_.push_back(bytes_.size()); }

  size_t size() const { return ends_.size(); }
  std::string_view operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(bytes_).substr(begin, ends_[i] - begin);
  }
  std::string joined() && { return std::move(bytes_); }

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
};

// Immutable and thread-safe. Supports ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, BPEDecoder
// and sequences of them; others throw Error(kBadModel).
class Decoder {
 public:
  // `json` may be null: tokens are joined by spaces.
  Decoder(const Json* json, const std::string& where);

  // Valid UTF-8 in, valid UTF-8 out.
  std::string decode(StringList tokens) const;

 private:
  bool is_null_;
  std::vector<std::function<StringList(StringList)>> steps_;
};

}  // namespace fptq
