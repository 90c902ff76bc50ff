#include "api/synth/tokenizer.h"

#include <map>
#include <vector>

#include "tokenizer/byte_level.h"
#include "tokenizer/tokenizer_json.h"

namespace fptq {
namespace {

struct Word {
  std::vector<std::string> pieces;
  int64_t count = 0;
};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string byte_level(std::string_view bytes) {
  std::string out;
  append_byte_level(out, bytes);
  return out;
}

std::vector<Word> words_of(std::string_view text) {
  std::map<std::string, int64_t> counts;
  for (size_t at = 0; at < text.size();) {
    if (!is_letter(text[at])) {
      ++at;
      continue;
    }
    const size_t begin = at > 0 && text[at - 1] == ' ' ? at - 1 : at;
    while (at < text.size() && is_letter(text[at])) ++at;
    ++counts[std::string(text.substr(begin, at - begin))];
  }
  std::vector<Word> words;
  for (const auto& [text_of_word, count] : counts) {
    Word& word = words.emplace_back();
    for (const char c : text_of_word) word.pieces.push_back(byte_level({&c, 1}));
    word.count = count;
  }
  return words;
}

using Pair = std::pair<std::string, std::string>;

// The most frequent pair of neighbours, the first in order of equals; its count is 0 when there is none.
std::pair<Pair, int64_t> most_frequent_pair(const std::vector<Word>& words) {
  std::map<Pair, int64_t> counts;
  for (const Word& word : words) {
    for (size_t i = 1; i < word.pieces.size(); ++i)
      counts[{word.pieces[i - 1], word.pieces[i]}] += word.count;
  }
  std::pair<Pair, int64_t> best{{}, 0};
  for (const auto& [pair, count] : counts) {
    if (count > best.second) best = {pair, count};
  }
  return best;
}

void merge(std::vector<Word>& words, const Pair& pair) {
  for (Word& word : words) {
    std::vector<std::string>& pieces = word.pieces;
    for (size_t i = 1; i < pieces.size(); ++i) {
      if (pieces[i - 1] != pair.first || pieces[i] != pair.second) continue;
      pieces[i - 1] += pieces[i];
      pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
}

}  // namespace

SynthTokenizer train_synth_tokenizer(std::string_view text, int64_t merges) {
  TokenizerJson out;
  const auto add = [&](std::string token) {
    const auto id = static_cast<int32_t>(out.vocab.size());
    out.vocab.emplace_back(std::move(token), id);
  };
  for (const char* special : {"<|begin_of_text|>", "<|end_of_text|>"}) {
    AddedToken token;
    token.id = static_cast<int32_t>(out.vocab.size());
    token.content = special;
    token.normalized = false;
    token.special = true;
    out.added.push_back(token);
    add(special);
  }
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    add(byte_level({&c, 1}));
  }
  std::vector<Word> words = words_of(text);
  std::map<std::string, bool> known;  // two pairs may spell one token
  while (static_cast<int64_t>(out.merges.size()) < merges) {
    const auto [pair, count] = most_frequent_pair(words);
    if (count == 0) break;
    merge(words, pair);
    out.merges.push_back(pair);
    if (known.emplace(pair.first + pair.second, true).second) add(pair.first + pair.second);
  }
  out.pre_tokenizer = byte_level_part(true);
  out.decoder = byte_level_part(true);
  out.before = {"<|begin_of_text|>"};
  return {write_tokenizer_json(out, "tokenizer.json"), static_cast<int64_t>(out.vocab.size())};
}

}  // namespace fptq
