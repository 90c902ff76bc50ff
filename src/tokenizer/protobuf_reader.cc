#include "tokenizer/protobuf_reader.h"

#include <fmt/format.h>

#include "fptq/error.h"

namespace fptq {

void ProtobufReader::fail(const std::string& what) const {
  throw Error(ErrorKind::kBadModel, where_,
              fmt::format("not a protobuf message at byte {}: {}", base_ + pos_, what));
}

uint64_t ProtobufReader::varint() {
  uint64_t value = 0;
  for (int i = 0; i < 10; ++i) {
    if (pos_ == in_.size()) fail("it ends inside a number");
    const auto byte = static_cast<uint8_t>(in_[pos_++]);
    if (i == 9 && byte > 1) fail("a number of more than 64 bits");
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) return value;
  }
  fail("a number of more than 10 bytes");
}

uint64_t ProtobufReader::fixed(size_t bytes) {
  if (in_.size() - pos_ < bytes)
    fail(fmt::format("expected {} bytes, {} are left", bytes, in_.size() - pos_));
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i)
    value |= static_cast<uint64_t>(static_cast<uint8_t>(in_[pos_ + i])) << (8 * i);
  pos_ += bytes;
  return value;
}

bool ProtobufReader::next(Field& field) {
  if (pos_ == in_.size()) return false;
  const uint64_t key = varint();
  field = {};
  field.number = key >> 3;
  field.wire_type = static_cast<int>(key & 7);
  if (field.number == 0) fail("field number 0");
  switch (field.wire_type) {
    case 0:
      field.value = varint();
      break;
    case 1:
      field.value = fixed(8);
      break;
    case 5:
      field.value = fixed(4);
      break;
    case 2: {
      const uint64_t size = varint();
      if (size > in_.size() - pos_)
        fail(fmt::format("a field of {} bytes, {} are left", size, in_.size() - pos_));
      field.position = base_ + pos_;
      field.bytes = in_.substr(pos_, static_cast<size_t>(size));
      pos_ += static_cast<size_t>(size);
      break;
    }
    default:
      fail(fmt::format("wire type {}", field.wire_type));
  }
  return true;
}

}  // namespace fptq
