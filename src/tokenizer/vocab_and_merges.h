// A byte-level BPE tokenizer in two files, vocab.json and merges.txt, as Qwen2 and GPT-2 are published.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "tokenizer/tokenizer_json.h"

namespace fptq {

// "left right"; throws Error(kBadModel, where) unless there is exactly one space.
std::pair<std::string, std::string> split_merge(std::string_view line, const std::string& where);

// `tokenizer_config` is the contents of tokenizer_config.json, or "{}": its tokenizer_class says how text is
// cut (Qwen2 where it is silent) and its added_tokens_decoder lists tokens that vocab.json lacks. `dir` is
// for errors.
TokenizerJson vocab_and_merges_json(std::string_view vocab, std::string_view merges,
                                    std::string_view tokenizer_config, const std::string& dir);

}  // namespace fptq
