// A SentencePiece BPE vocabulary, from a tokenizer.model or a GGUF, and the tokenizer.json that says the
// same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tokenizer/tokenizer_json.h"

namespace fptq {

// The numbers are SentencePiece's, and GGUF's.
enum class PieceType : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

struct SentencePieces {
  struct Piece {
    std::string text;
    float score = 0;  // the piece of the highest score is merged first
    PieceType type = PieceType::kNormal;
  };
  std::vector<Piece> pieces;     // the id is the index
  bool add_dummy_prefix = true;  // a text begins with a space
  std::optional<int32_t> bos, eos;
  bool add_bos = true;
  bool add_eos = false;
};

// Throws Error(kBadModel, where) for scores that are not numbers, unknown types, over-long pieces, and ids
// out of range.
TokenizerJson sentencepiece_json(const SentencePieces& model, const std::string& where);

}  // namespace fptq
