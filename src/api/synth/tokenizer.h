// The tokenizer of a synthetic model: byte-level BPE, so that any text has ids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fptq {

constexpr int32_t kSynthBos = 0, kSynthEos = 1;

struct SynthTokenizer {
  std::string json;        // a tokenizer.json
  int64_t vocab_size = 0;  // two special tokens, the 256 bytes, then one token for each merge
};

// Learns `merges` merges, as byte-pair encoding does, from the words of `text`: ASCII letters with the space
// before them. Fewer when the text gives no more.
SynthTokenizer train_synth_tokenizer(std::string_view text, int64_t merges);

}  // namespace fptq
