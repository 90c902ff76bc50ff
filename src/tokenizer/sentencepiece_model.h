// The file tokenizer.model: a SentencePiece ModelProto.
#pragma once

#include <string>
#include <string_view>

#include "tokenizer/sentencepiece_pieces.h"

namespace fptq {

// Accepts BPE models whose text rules are Llama's: no character map, spaces kept. Unigram and other kinds
// throw Error(kBadModel) naming the kind, as does anything malformed.
SentencePieces parse_sentencepiece_model(std::string_view bytes, const std::string& where);

}  // namespace fptq
