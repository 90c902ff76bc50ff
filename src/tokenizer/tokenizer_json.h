// Writing a tokenizer.json for a tokenizer that came in another form. Every form goes through this text, so
// that there is one reader, and what is written out is what was used.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "tokenizer/added_tokens.h"

namespace fptq {

struct TokenizerJson {
  std::vector<std::pair<std::string, int32_t>> vocab;
  std::vector<std::pair<std::string, std::string>> merges;  // first is merged first
  std::vector<AddedToken> added;
  std::string unk_token;  // empty: none
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
  Json normalizer, pre_tokenizer, decoder;  // null: none
  std::vector<std::string> before, after;   // special tokens around a text
};

// Throws Error(kBadModel, where) for a token that is not UTF-8 and for a special token that is not in the
// vocabulary.
std::string write_tokenizer_json(const TokenizerJson& tokenizer, const std::string& where);

// Parts that tokenizer.json files share.
Json byte_level_part(bool use_regex);
Json split_part(const std::string& regex);
Json sequence_part(const char* list_key, std::vector<Json> parts);

}  // namespace fptq
