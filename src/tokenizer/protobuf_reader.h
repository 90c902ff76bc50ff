// The protobuf wire format, as much of it as a SentencePiece model needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fptq {

// Walks the fields of one message on a memory buffer. Every length is checked against what is left; what does
// not fit throws Error(kBadModel, where) with the byte position.
class ProtobufReader {
 public:
  // `base`: position of the message in its file, for messages.
  ProtobufReader(std::string_view message, const std::string& where, size_t base = 0)
      : in_(message), where_(where), base_(base) {}

  struct Field {
    uint64_t number = 0;
    int wire_type = 0;       // 0 varint, 1 fixed 64, 2 bytes, 5 fixed 32
    uint64_t value = 0;      // of types 0, 1, 5
    std::string_view bytes;  // of type 2
    size_t position = 0;     // of `bytes` in the file
  };
  // False at the end.
  bool next(Field& field);

 private:
  [[noreturn]] void fail(const std::string& what) const;
  uint64_t varint();
  uint64_t fixed(size_t bytes);

  std::string_view in_;
  const std::string& where_;
  size_t base_;
  size_t pos_ = 0;
};

}  // namespace fptq
