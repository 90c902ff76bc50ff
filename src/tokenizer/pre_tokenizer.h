// The "pre_tokenizer" of a tokenizer.json: cuts a text into the words that the model then splits.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "tokenizer/pieces.h"

namespace fptq {

// Immutable and thread-safe. Supports Split, ByteLevel, Metaspace, Digits, Whitespace, WhitespaceSplit,
// Punctuation, BertPreTokenizer, CharDelimiterSplit, FixedLength and sequences of them; others throw
// Error(kBadModel).
class PreTokenizer {
 public:
  // `json` may be null: the text is one word.
  PreTokenizer(const Json* json, const std::string& where);

  // True when the last step maps bytes to the byte-level alphabet. cut(pieces, true) then leaves that mapping
  // out, for a model that works on the bytes themselves.
  bool ends_in_byte_level() const { return ends_in_byte_level_; }
  void cut(Pieces& pieces, bool keep_bytes) const;

 private:
  std::vector<std::function<void(Pieces&)>> steps_;
  bool ends_in_byte_level_ = false;
};

}  // namespace fptq
