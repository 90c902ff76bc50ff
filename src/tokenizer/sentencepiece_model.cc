#include "tokenizer/sentencepiece_model.h"

#include <fmt/format.h>

#include <bit>

#include "fptq/error.h"
#include "tokenizer/protobuf_reader.h"

namespace fptq {
namespace {

using Field = ProtobufReader::Field;

// What the numbers mean: sentencepiece_model.proto of google/sentencepiece.
void require_wire_type(const Field& field, int wire_type, const char* name, const std::string& where) {
  if (field.wire_type == wire_type) return;
  throw Error(ErrorKind::kBadModel, where + ":" + name,
              fmt::format("expected wire type {}, found {}", wire_type, field.wire_type));
}

SentencePieces::Piece read_piece(const Field& message, const std::string& where) {
  SentencePieces::Piece piece;
  ProtobufReader reader(message.bytes, where, message.position);
  for (Field f; reader.next(f);) {
    if (f.number == 1) {
      require_wire_type(f, 2, "piece", where);
      piece.text = f.bytes;
    } else if (f.number == 2) {
      require_wire_type(f, 5, "score", where);
      piece.score = std::bit_cast<float>(static_cast<uint32_t>(f.value));
    } else if (f.number == 3) {
      require_wire_type(f, 0, "type", where);
      piece.type = static_cast<PieceType>(f.value > 6 ? 0 : f.value);
    }
  }
  return piece;
}

void read_trainer_spec(const Field& message, const std::string& where, SentencePieces& model,
                       uint64_t& model_type) {
  ProtobufReader reader(message.bytes, where, message.position);
  const auto id = [](const Field& f) -> std::optional<int32_t> {
    const auto value = static_cast<int64_t>(f.value);
    return value < 0 ? std::nullopt
                     : std::optional(static_cast<int32_t>(std::min<int64_t>(value, INT32_MAX)));
  };
  for (Field f; reader.next(f);) {
    if (f.wire_type != 0) continue;  // none of those that matter
    if (f.number == 3) model_type = f.value;
    if (f.number == 24 && f.value != 0) {
      throw Error(ErrorKind::kBadModel, where + ":trainer_spec.treat_whitespace_as_suffix",
                  "true is not supported");
    }
    if (f.number == 41) model.bos = id(f);
    if (f.number == 42) model.eos = id(f);
  }
}

void read_normalizer_spec(const Field& message, const std::string& where, SentencePieces& model) {
  std::string name = "unnamed";
  bool has_map = false;
  bool remove_spaces = true;
  bool escape_spaces = true;
  ProtobufReader reader(message.bytes, where, message.position);
  for (Field f; reader.next(f);) {
    if (f.number == 1 && f.wire_type == 2) name = f.bytes;
    if (f.number == 2 && f.wire_type == 2) has_map = !f.bytes.empty();
    if (f.number == 3 && f.wire_type == 0) model.add_dummy_prefix = f.value != 0;
    if (f.number == 4 && f.wire_type == 0) remove_spaces = f.value != 0;
    if (f.number == 5 && f.wire_type == 0) escape_spaces = f.value != 0;
  }
  const std::string place = where + ":normalizer_spec";
  if (has_map)
    throw Error(ErrorKind::kBadModel, place, "the character map \"" + name + "\" is not supported",
                "supported: identity");
  if (remove_spaces)
    throw Error(ErrorKind::kBadModel, place + ".remove_extra_whitespaces", "true is not supported");
  if (!escape_spaces)
    throw Error(ErrorKind::kBadModel, place + ".escape_whitespaces", "false is not supported");
}

void require_bpe(uint64_t model_type, const std::string& where) {
  constexpr uint64_t kBpe = 2;
  if (model_type == kBpe) return;
  const char* const kinds[] = {"unspecified", "unigram", "BPE", "word", "char"};
  throw Error(ErrorKind::kBadModel, where + ":trainer_spec.model_type",
              fmt::format("SentencePiece models of type {} are not supported",
                          model_type <= 4 ? kinds[model_type] : std::to_string(model_type).c_str()),
              "supported: BPE");
}

}  // namespace

SentencePieces parse_sentencepiece_model(std::string_view bytes, const std::string& where) {
  SentencePieces model;
  model.bos = 1;  // the defaults of the format
  model.eos = 2;
  uint64_t model_type = 1;
  bool has_normalizer = false;
  ProtobufReader reader(bytes, where);
  for (Field f; reader.next(f);) {
    if (f.number > 3) continue;
    require_wire_type(f, 2, "ModelProto", where);
    if (f.number == 1) model.pieces.push_back(read_piece(f, where));
    if (f.number == 2) read_trainer_spec(f, where, model, model_type);
    if (f.number == 3) {
      read_normalizer_spec(f, where, model);
      has_normalizer = true;
    }
  }
  if (model.pieces.empty()) throw Error(ErrorKind::kBadModel, where, "no pieces: not a SentencePiece model");
  require_bpe(model_type, where);
  if (!has_normalizer)
    throw Error(ErrorKind::kBadModel, where + ":normalizer_spec", "expected a message, found nothing");
  return model;
}

}  // namespace fptq
