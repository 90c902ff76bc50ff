// The "normalizer" of a tokenizer.json: rewrites a text before it is cut.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"

namespace fptq {

// Immutable and thread-safe. Supports NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Replace, Prepend,
// Nmt, ByteLevel and sequences of them; others throw Error(kBadModel) naming the type.
class Normalizer {
 public:
  // `json` may be null: text stays as it is.
  Normalizer(const Json* json, const std::string& where);

  bool is_identity() const { return steps_.empty(); }
  // Valid UTF-8 in, valid UTF-8 out.
  void normalize(std::string& text) const {
    for (const auto& step : steps_) step(text);
  }

 private:
  std::vector<std::function<void(std::string&)>> steps_;
};

}  // namespace fptq
