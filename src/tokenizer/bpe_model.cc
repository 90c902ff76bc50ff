#include "tokenizer/bpe_model.h"

#include <fmt/format.h>

#include "fptq/error.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/utf8.h"

namespace fptq {
namespace {

void check_type(const Json& json, const std::string& where) {
  if (!json.is_object()) throw Error(ErrorKind::kBadModel, where, "expected an object");
  const std::string type = json_string(json, "type", where, "BPE");  // files of 2020 leave it out
  if (type != "BPE") {
    throw Error(ErrorKind::kBadModel, where + ":type",
                fmt::format("model type \"{}\" is not supported", type), "supported: BPE");
  }
  if (json_number(json, "dropout", where, 0.0) != 0.0) {
    throw Error(ErrorKind::kBadModel, where + ":dropout", "random merges (dropout) are not supported",
                "set it to null");
  }
}

}  // namespace

BpeModel::BpeModel(const Json& json, bool byte_level, const std::string& where) : where_(where) {
  check_type(json, where);
  has_unknown_ = json_find(json, "unk_token") != nullptr;
  unknown_ = json_string(json, "unk_token", where, "");
  prefix_ = json_string(json, "continuing_subword_prefix", where, "");
  suffix_ = json_string(json, "end_of_word_suffix", where, "");
  fuse_unknown_ = json_bool(json, "fuse_unk", where, false);
  byte_fallback_ = json_bool(json, "byte_fallback", where, false);
  ignore_merges_ = json_bool(json, "ignore_merges", where, false);

  const Json* vocab = json_find(json, "vocab");
  if (vocab == nullptr || !vocab->is_object())
    throw Error(ErrorKind::kBadModel, where + ":vocab", "expected an object of ids");
  vocabulary_.reserve(vocab->size());
  const std::string vocab_place = where + ":vocab";
  for (const auto& [token, id] : vocab->items()) {
    if (!id.is_number_integer() || (id.is_number_unsigned() && id.get<uint64_t>() > uint64_t{kMaxTokenId})) {
      throw Error(
          ErrorKind::kBadModel, vocab_place,
          fmt::format("the id of \"{}\" is {}, not an integer up to {}", token, id.dump(), kMaxTokenId));
    }
    vocabulary_.add(token, checked_token_id(id.get<int64_t>(), vocab_place), vocab_place);
  }
  const Json* merges = json_find(json, "merges");
  if (merges == nullptr || !merges->is_array())
    throw Error(ErrorKind::kBadModel, where + ":merges", "expected an array");
  read_merges(*merges, where + ":merges");
  if (has_unknown_) unknown_id_ = vocabulary_.id(unknown_);

  takes_bytes_ = byte_level && prefix_.empty() && suffix_.empty();
  index_characters();
}

void BpeModel::read_merges(const Json& merges, const std::string& where) {
  merges_ = MergeTable(merges.size());
  size_t pairs = 0;
  for (const Json& m : merges) pairs += m.is_string() ? m.get_ref<const std::string&>().size() : 8;
  seams_ = Seams(pairs);
  uint32_t rank = 0;
  for (const Json& m : merges) {
    const auto place = [&] { return fmt::format("{}[{}]", where, rank); };
    if (m.is_string()) {
      const std::string& text = m.get_ref<const std::string&>();
      if (text.starts_with("#version")) continue;  // the first line of a merges.txt
      const size_t space = text.find(' ');
      if (space == text.npos || text.find(' ', space + 1) != text.npos) {
        throw Error(ErrorKind::kBadModel, place(),
                    fmt::format("expected two tokens and a space between, found \"{}\"", text));
      }
      add_merge(std::string_view(text).substr(0, space), std::string_view(text).substr(space + 1), rank,
                where);
    } else if (m.is_array() && m.size() == 2 && m[0].is_string() && m[1].is_string()) {
      add_merge(m[0].get_ref<const std::string&>(), m[1].get_ref<const std::string&>(), rank, where);
    } else {
      throw Error(ErrorKind::kBadModel, place(), "expected \"left right\" or [\"left\", \"right\"]");
    }
    ++rank;
  }
}

void BpeModel::add_merge(std::string_view left, std::string_view right, uint32_t rank,
                         const std::string& where) {
  const auto place = [&] { return fmt::format("{}[{}]", where, rank); };
  const auto id_of = [&](std::string_view token) {
    const int32_t id = vocabulary_.id(token);
    if (id < 0)
      throw Error(ErrorKind::kBadModel, place(), fmt::format("token \"{}\" is not in the vocabulary", token));
    return id;
  };
  const int32_t left_id = id_of(left);
  const int32_t right_id = id_of(right);
  if (!right.starts_with(prefix_)) {
    throw Error(ErrorKind::kBadModel, place(),
                fmt::format("\"{}\" does not begin with the prefix \"{}\"", right, prefix_));
  }
  const std::string joined = std::string(left) + std::string(right.substr(prefix_.size()));
  merges_.add(left_id, right_id, {rank, id_of(joined)});
  seams_.add_token(joined);
}

void BpeModel::index_characters() {
  pages_.assign(0x110000 >> 8, 0);
  for (int32_t id = 0; id < vocabulary_.end_id(); ++id) {
    const std::string_view token = vocabulary_.token(id);
    if (token.empty() || utf8_length(token.front()) != token.size()) continue;
    size_t pos = 0;
    const char32_t c = next_code_point(token, pos);
    uint16_t& page = pages_[c >> 8];
    if (page == 0) {
      page_ids_.resize(page_ids_.size() + 256, -1);
      page = static_cast<uint16_t>(page_ids_.size() >> 8);
    }
    page_ids_[static_cast<size_t>(page - 1) << 8 | (c & 0xFF)] = id;
  }
  for (size_t b = 0; b < 256; ++b) {
    byte_fallback_ids_[b] = vocabulary_.id(fmt::format("<0x{:02X}>", b));
    byte_ids_[b] = character_id(byte_level_char(static_cast<uint8_t>(b)));
    takes_bytes_ = takes_bytes_ && byte_ids_[b] >= 0;
  }
  if (!takes_bytes_ || !ignore_merges_) return;
  words_as_bytes_.reserve(vocabulary_.count());
  std::string bytes;
  for (int32_t id = 0; id < vocabulary_.end_id(); ++id) {
    bytes.clear();
    if (vocabulary_.has(id) && append_bytes_of_byte_level(bytes, vocabulary_.token(id)))
      words_as_bytes_.add(bytes, id, where_);
  }
}

void BpeModel::encode(std::string_view word, std::vector<int32_t>& ids, Scratch& scratch) const {
  if (ignore_merges_) {
    const int32_t id = (takes_bytes_ ? words_as_bytes_ : vocabulary_).id(word);
    if (id >= 0) {
      ids.push_back(id);
      return;
    }
  }
  const bool whole =
      !prefix_.empty() || !suffix_.empty() || (takes_bytes_ && word.size() <= WordCache::kLongestWord);
  if (whole) return encode_part(word, ids, scratch);
  // Cut at the seams: the parts share no merge.
  if (takes_bytes_) return encode_long_bytes(word, ids, scratch);
  encode_characters(word, ids, scratch);
}

void BpeModel::encode_long_bytes(std::string_view word, std::vector<int32_t>& ids, Scratch& scratch) const {
  size_t begin = 0;
  for (size_t pos = 1; pos < word.size(); ++pos) {
    const char32_t left = byte_level_char(static_cast<uint8_t>(word[pos - 1]));
    if (!seams_.between(left, byte_level_char(static_cast<uint8_t>(word[pos])))) continue;
    encode_part(word.substr(begin, pos - begin), ids, scratch);
    begin = pos;
  }
  encode_part(word.substr(begin), ids, scratch);
}

// Only between two characters that the vocabulary knows: unknown ones may join with their neighbours.
void BpeModel::encode_characters(std::string_view word, std::vector<int32_t>& ids, Scratch& scratch) const {
  size_t begin = 0;
  char32_t left = 0;
  bool left_known = false;
  for (size_t pos = 0; pos < word.size();) {
    const size_t here = pos;
    const char32_t right = next_code_point(word, pos);
    const bool known = character_id(right) >= 0;
    if (left_known && known && seams_.between(left, right)) {
      encode_part(word.substr(begin, here - begin), ids, scratch);
      begin = here;
    }
    left = right;
    left_known = known;
  }
  encode_part(word.substr(begin), ids, scratch);
}

void BpeModel::encode_part(std::string_view part, std::vector<int32_t>& ids, Scratch& scratch) const {
  const size_t before = ids.size();
  if (part.size() > WordCache::kLongestWord) {
    symbols_of(part, ids, scratch);
    merges_.merge(ids, before, scratch.merging);
    return;
  }
  const uint64_t hash = WordCache::hash(part);
  size_t count = 0;
  if (const int32_t* cached = scratch.cache.find(part, hash, count)) {
    ids.insert(ids.end(), cached, cached + count);
    return;
  }
  symbols_of(part, ids, scratch);
  merges_.merge(ids, before, scratch.merging);
  scratch.cache.insert(part, hash, std::span(ids).subspan(before));
}

void BpeModel::symbols_of(std::string_view part, std::vector<int32_t>& ids, Scratch& scratch) const {
  if (takes_bytes_) {
    for (const char b : part) ids.push_back(byte_ids_[static_cast<uint8_t>(b)]);
    return;
  }
  bool unknown_waits = false;
  for (size_t pos = 0; pos < part.size();) {
    const size_t begin = pos;
    const char32_t c = next_code_point(part, pos);
    std::string_view symbol = part.substr(begin, pos - begin);
    int32_t id;
    if (prefix_.empty() && suffix_.empty()) {
      id = character_id(c);
    } else {
      scratch.text = begin == 0 ? "" : prefix_;
      scratch.text += symbol;
      if (pos == part.size()) scratch.text += suffix_;
      symbol = scratch.text;
      id = vocabulary_.id(symbol);
    }
    if (id >= 0) {
      if (unknown_waits) ids.push_back(unknown_id_);
      unknown_waits = false;
      ids.push_back(id);
      continue;
    }
    // An unknown token that waits stays behind such bytes: so does tokenizers.
    if (byte_fallback_ && append_bytes(symbol, ids)) continue;
    if (!has_unknown_) continue;  // the character is lost
    if (unknown_id_ < 0) {
      throw Error(ErrorKind::kBadModel, where_ + ":unk_token",
                  fmt::format("\"{}\" is needed and not in the vocabulary", unknown_));
    }
    if (unknown_waits && !fuse_unknown_) ids.push_back(unknown_id_);
    unknown_waits = true;
  }
  if (unknown_waits) ids.push_back(unknown_id_);
}

bool BpeModel::append_bytes(std::string_view character, std::vector<int32_t>& ids) const {
  for (const char b : character) {
    if (byte_fallback_ids_[static_cast<uint8_t>(b)] < 0) return false;
  }
  for (const char b : character) ids.push_back(byte_fallback_ids_[static_cast<uint8_t>(b)]);
  return true;
}

}  // namespace fptq
