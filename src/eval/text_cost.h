// Perplexity in units that do not depend on the tokenizer.
#pragma once

#include <string_view>

#include "fptq/eval.h"

namespace fptq {

// Sets word_perplexity and bits_per_byte of `result`, whose perplexity and tokens are set; `text` is what its
// tokens say.
void set_text_costs(std::string_view text, EvalResult& result);

}  // namespace fptq
