// The families of byte-level BPE: what a vocabulary and its merges do not tell, namely how text is cut into
// words.
#pragma once

#include <optional>
#include <string_view>

#include "tokenizer/tokenizer_json.h"

namespace fptq {

enum class ByteLevelFamily { kGpt2, kSmolLm, kLlama3, kQwen2 };

// By the name that GGUF files have in tokenizer.ggml.pre; nothing for a name whose rules are not known for
// certain.
std::optional<ByteLevelFamily> byte_level_family(std::string_view gguf_pre);
// The names that byte_level_family() knows, for messages.
std::string_view byte_level_family_names();

// Sets the normalizer, the pre-tokenizer, the decoder and ignore_merges.
void set_byte_level_family(TokenizerJson& tokenizer, ByteLevelFamily family);

}  // namespace fptq
