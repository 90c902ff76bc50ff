// A pair of texts as tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tasks/prompts.h"
#include "tokenizer/tokenizer.h"

namespace fptq {

// ids[scored_from ..] are scored, each given all that comes before it; 1 <= scored_from < ids.size().
struct TokenRequest {
  std::vector<int32_t> ids = {};
  int64_t scored_from = 0;
  bool truncated = false;  // its beginning was cut off

  // What the model reads: all but the last.
  int64_t inputs() const { return std::ssize(ids) - 1; }
};

struct EncodeRules {
  std::optional<int32_t> prefix;  // stands for an empty context: BOS, else end of text
  int64_t max_inputs = 0;         // the model's maximum position; longer requests lose their beginning
};

// As lm-eval does it (TemplateLM.loglikelihood, HFLM.tok_encode): white space at the context's end goes to
// the continuation; both are tokenized together, and what the context alone takes is cut off the front;
// special tokens stand around the text as the tokenizer puts them, unless it begins with BOS written out. A
// request without any token to score, or with more than the model can read, throws Error(kBadModel, where).
TokenRequest encode_request(const Tokenizer& tokenizer, const TextRequest& request, const EncodeRules& rules,
                            const std::string& where);

}  // namespace fptq
