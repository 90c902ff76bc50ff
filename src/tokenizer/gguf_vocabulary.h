// The tokenizer as the metadata of a GGUF file states it (tokenizer.ggml.*), before anything is checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fptq {

struct GgufVocabulary {
  std::string model;  // "gpt2": byte-level BPE; "llama": SentencePiece BPE
  std::string pre;    // which pre-tokenizer a "gpt2" vocabulary was trained with
  std::vector<std::string> tokens;
  std::vector<float> scores;         // "llama": higher is merged first
  std::vector<int32_t> token_types;  // 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
  std::vector<std::string> merges;   // "gpt2": "left right"
  std::optional<int32_t> bos, eos, unk, pad;
  std::optional<bool> add_bos, add_eos, add_space_prefix;
};

}  // namespace fptq
