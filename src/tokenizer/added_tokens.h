// The "added_tokens" of a tokenizer.json: strings that are one token wherever they stand in a text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pieces.h"
#include "tokenizer/string_trie.h"
#include "tokenizer/vocabulary.h"

namespace fptq {

struct AddedToken {
  int32_t id = -1;
  std::string content;
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;
  bool normalized = true;  // matched in the normalized text, as its own normalized form
  bool special = false;
};

// The token of this id that an object of a file describes. Throws Error(kBadModel) where a member has the
// wrong type or the content is missing.
AddedToken read_added_token(const Json& json, int32_t id, const std::string& where);

// Immutable and thread-safe after construction.
class AddedTokens {
 public:
  // Ids are given as tokenizers gives them: that of the vocabulary where the content is in it, otherwise the
  // next one behind the vocabulary and the tokens added before; the id in the file is only checked for range.
  // Throws Error(kBadModel) for empty, over-long or twice declared contents.
  AddedTokens(const Json* json, const Vocabulary& vocabulary, const Normalizer& normalizer,
              const std::string& where);

  struct Part {
    Span span;
    int32_t id;  // -1: text between added tokens
  };
  // Finds the tokens with normalized == false in a raw text, and those with true in a normalized one.
  // With `parse_special` false the special ones are text like any other.
  void find_in_raw(std::string_view text, bool parse_special, std::vector<Part>& parts) const {
    find(raw_, text, parse_special, parts);
  }
  void find_in_normalized(std::string_view text, bool parse_special, std::vector<Part>& parts) const {
    find(normalized_, text, parse_special, parts);
  }

  const std::vector<AddedToken>& tokens() const { return tokens_; }
  // Null when the id is not of an added token.
  const AddedToken* find_id(int32_t id) const;
  const AddedToken* find_content(std::string_view content) const;
  bool is_special_content(std::string_view content) const { return special_.contains(std::string(content)); }
  // What stands for the token when ids are decoded: its normalized form, if it is matched in that.
  std::string_view decoded(const AddedToken& token) const;

 private:
  void find(const StringTrie& trie, std::string_view text, bool parse_special,
            std::vector<Part>& parts) const;

  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string, size_t> by_content_;
  std::unordered_map<int32_t, size_t> by_id_;
  std::unordered_set<std::string> special_;
  std::unordered_map<int32_t, std::string> normalized_forms_;  // where they differ from the content
  StringTrie raw_, normalized_;
};

}  // namespace fptq
