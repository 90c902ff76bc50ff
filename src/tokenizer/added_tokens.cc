#include "tokenizer/added_tokens.h"

#include <fmt/format.h>

#include <algorithm>

#include "fptq/error.h"
#include "tokenizer/regex.h"
#include "tokenizer/unicode_classes.h"
#include "tokenizer/utf8.h"
#include "tokenizer/young_code_points.h"

namespace fptq {
namespace {

// Looking for a token costs at most its length at each byte of the text, so lengths have a bound.
constexpr size_t kLongestContent = 1024;

AddedToken read_token(const Json& json, const std::string& where) {
  if (!json.is_object()) throw Error(ErrorKind::kBadModel, where, "expected an object");
  const int32_t id = checked_token_id(json_int(json, "id", where), where + ":id");
  AddedToken token = read_added_token(json, id, where);
  if (token.content.empty())
    throw Error(ErrorKind::kBadModel, where + ":content", "an added token must not be empty");
  if (token.content.size() > kLongestContent) {
    throw Error(ErrorKind::kBadModel, where + ":content",
                fmt::format("an added token of {} bytes, at most {} are accepted", token.content.size(),
                            kLongestContent));
  }
  return token;
}

// As Rust's regex crate defines \w.
bool is_word_character(std::string_view character) {
  static const Regex word("[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]", "added tokens");
  std::string storage;
  RegexScan scan(word);
  scan.start(with_stand_ins(character, storage));
  size_t begin, end;
  return scan.next(begin, end);
}

bool touches_word(std::string_view text, size_t begin, size_t end) {
  if (begin > 0) {
    const size_t before = previous_code_point(text, begin);
    if (is_word_character(text.substr(before, begin - before))) return true;
  }
  return end < text.size() && is_word_character(text.substr(end, utf8_length(text[end])));
}

size_t skip_space_left(std::string_view text, size_t pos, size_t floor) {
  while (pos > floor) {
    const size_t before = previous_code_point(text, pos);
    size_t next = before;
    if (!is_white_space(next_code_point(text, next))) break;
    pos = before;
  }
  return std::max(pos, floor);
}

size_t skip_space_right(std::string_view text, size_t pos) {
  while (pos < text.size()) {
    size_t next = pos;
    if (!is_white_space(next_code_point(text, next))) break;
    pos = next;
  }
  return pos;
}

}  // namespace

AddedToken read_added_token(const Json& json, int32_t id, const std::string& where) {
  AddedToken token;
  token.id = id;
  token.content = json_string(json, "content", where);
  token.single_word = json_bool(json, "single_word", where, false);
  token.lstrip = json_bool(json, "lstrip", where, false);
  token.rstrip = json_bool(json, "rstrip", where, false);
  token.special = json_bool(json, "special", where, false);
  token.normalized = json_bool(json, "normalized", where, !token.special);
  return token;
}

AddedTokens::AddedTokens(const Json* json, const Vocabulary& vocabulary, const Normalizer& normalizer,
                         const std::string& where) {
  if (json == nullptr) return;
  if (!json->is_array()) throw Error(ErrorKind::kBadModel, where, "expected an array");
  std::unordered_set<int32_t> declared;
  auto next_id = static_cast<int64_t>(vocabulary.count());
  for (size_t i = 0; i < json->size(); ++i) {
    const std::string place = fmt::format("{}[{}]", where, i);
    AddedToken token = read_token((*json)[i], place);
    if (!declared.insert(token.id).second) {
      throw Error(ErrorKind::kBadModel, place + ":id",
                  fmt::format("id {} is given to two added tokens", token.id));
    }
    if (by_content_.contains(token.content)) {
      throw Error(ErrorKind::kBadModel, place + ":content",
                  fmt::format("\"{}\" is added twice", token.content));
    }
    const int32_t known = vocabulary.id(token.content);
    token.id = known >= 0 ? known : checked_token_id(next_id++, place);
    std::string pattern = token.content;
    if (token.normalized) {
      normalizer.normalize(pattern);
      if (pattern != token.content) normalized_forms_.emplace(token.id, pattern);
    }
    StringTrie& trie = token.normalized ? normalized_ : raw_;
    if (pattern.empty() || !trie.add(pattern, static_cast<int32_t>(tokens_.size()))) {
      throw Error(ErrorKind::kBadModel, place + ":content",
                  fmt::format("\"{}\" normalizes to \"{}\", which is empty or added already", token.content,
                              pattern));
    }
    if (token.special) special_.insert(token.content);
    by_content_.emplace(token.content, tokens_.size());
    // Behind a vocabulary with gaps a new id may be one that the vocabulary uses; the added token covers it.
    by_id_.insert_or_assign(token.id, tokens_.size());
    tokens_.push_back(std::move(token));
  }
}

const AddedToken* AddedTokens::find_id(int32_t id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &tokens_[it->second];
}

const AddedToken* AddedTokens::find_content(std::string_view content) const {
  const auto it = by_content_.find(std::string(content));
  return it == by_content_.end() ? nullptr : &tokens_[it->second];
}

std::string_view AddedTokens::decoded(const AddedToken& token) const {
  const auto it = normalized_forms_.find(token.id);
  return it == normalized_forms_.end() ? std::string_view(token.content) : std::string_view(it->second);
}

void AddedTokens::find(const StringTrie& trie, std::string_view text, bool parse_special,
                       std::vector<Part>& parts) const {
  parts.clear();
  size_t done = 0;
  if (!trie.empty()) {
    for (StringTrie::Match m; (m = trie.find(text, m.end)).value >= 0;) {
      const AddedToken& token = tokens_[static_cast<size_t>(m.value)];
      if (token.special && !parse_special) continue;
      if (token.single_word && touches_word(text, m.begin, m.end)) continue;
      size_t begin = m.begin;
      size_t end = m.end;
      // The search goes on behind the token itself, not behind the space that it takes along.
      if (token.lstrip) begin = std::max(skip_space_left(text, begin, std::min(done, begin)), done);
      if (token.rstrip) end = skip_space_right(text, end);
      if (done < begin) parts.push_back({{done, begin}, -1});
      parts.push_back({{begin, end}, token.id});
      done = end;
    }
  }
  if (done != text.size()) parts.push_back({{done, text.size()}, -1});
}

}  // namespace fptq
