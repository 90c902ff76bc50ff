#include "tokenizer/vocab_and_merges.h"

#include <fmt/format.h>

#include <charconv>
#include <unordered_set>

#include "fptq/error.h"
#include "tokenizer/byte_level_family.h"

namespace fptq {
namespace {

ByteLevelFamily family_of(const Json& config, const std::string& where) {
  const std::string name = json_string(config, "tokenizer_class", where, "Qwen2Tokenizer");
  if (name == "Qwen2Tokenizer" || name == "Qwen2TokenizerFast") return ByteLevelFamily::kQwen2;
  if (name == "GPT2Tokenizer" || name == "GPT2TokenizerFast") return ByteLevelFamily::kGpt2;
  throw Error(ErrorKind::kBadModel, where + ":tokenizer_class",
              fmt::format("a vocab.json of \"{}\" is not supported", name),
              "supported: Qwen2Tokenizer, GPT2Tokenizer, or a tokenizer.json");
}

int32_t read_id(const Json& id, const std::string& token, const std::string& where) {
  if (!id.is_number_integer() || (id.is_number_unsigned() && id.get<uint64_t>() > uint64_t{kMaxTokenId})) {
    throw Error(
        ErrorKind::kBadModel, where,
        fmt::format("the id of \"{}\" is {}, not an integer up to {}", token, id.dump(), kMaxTokenId));
  }
  return checked_token_id(id.get<int64_t>(), where);
}

void read_added(const Json& config, TokenizerJson& json, const std::string& where) {
  const Json* list = json_find(config, "added_tokens_decoder");
  if (list == nullptr) return;
  if (!list->is_object())
    throw Error(ErrorKind::kBadModel, where + ":added_tokens_decoder", "expected an object");
  std::unordered_set<std::string_view> known;
  for (const auto& [token, id] : json.vocab) known.insert(token);
  std::vector<std::pair<std::string, int32_t>> new_tokens;
  for (const auto& [key, entry] : list->items()) {
    const std::string place = where + ":added_tokens_decoder." + key;
    int64_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size())
      throw Error(ErrorKind::kBadModel, place, "expected an id as the key");
    AddedToken token = read_added_token(entry, checked_token_id(id, place), place);
    if (!known.contains(token.content)) new_tokens.emplace_back(token.content, token.id);
    json.added.push_back(std::move(token));
  }
  json.vocab.insert(json.vocab.end(), new_tokens.begin(), new_tokens.end());
}

}  // namespace

std::pair<std::string, std::string> split_merge(std::string_view line, const std::string& where) {
  const size_t space = line.find(' ');
  if (space == line.npos || line.find(' ', space + 1) != line.npos) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("expected two tokens and a space between, found \"{}\"", line));
  }
  return {std::string(line.substr(0, space)), std::string(line.substr(space + 1))};
}

TokenizerJson vocab_and_merges_json(std::string_view vocab, std::string_view merges,
                                    std::string_view tokenizer_config, const std::string& dir) {
  const std::string config_place = dir + "/tokenizer_config.json";
  const Json config = parse_json(tokenizer_config, config_place);
  TokenizerJson json;
  set_byte_level_family(json, family_of(config, config_place));

  const std::string vocab_place = dir + "/vocab.json";
  const Json ids = parse_json(vocab, vocab_place);
  if (!ids.is_object()) throw Error(ErrorKind::kBadModel, vocab_place, "expected an object of ids");
  for (const auto& [token, id] : ids.items()) json.vocab.emplace_back(token, read_id(id, token, vocab_place));
  read_added(config, json, config_place);

  size_t line_number = 0;
  while (!merges.empty()) {
    const size_t end = std::min(merges.find('\n'), merges.size());
    std::string_view line = merges.substr(0, end);
    merges.remove_prefix(std::min(end + 1, merges.size()));
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with("#version")) continue;
    json.merges.push_back(split_merge(line, fmt::format("{}/merges.txt:{}", dir, line_number)));
  }
  return json;
}

}  // namespace fptq
