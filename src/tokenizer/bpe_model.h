// The "model" of a tokenizer.json of type BPE: splits a word into characters (or bytes) and merges them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tokenizer/merge_table.h"
#include "tokenizer/seams.h"
#include "tokenizer/vocabulary.h"
#include "tokenizer/word_cache.h"

namespace fptq {

// Immutable and thread-safe after construction; what a call needs beside it is in Scratch.
class BpeModel {
 public:
  // Other model types throw Error(kBadModel) naming the type, as do contradictions in vocab and merges.
  // `byte_level`: words come from a pre-tokenizer that ends in the byte-level alphabet.
  BpeModel(const Json& json, bool byte_level, const std::string& where);

  // True when words are to be given as plain bytes: the alphabet is part of the vocabulary's strings only.
  bool takes_bytes() const { return takes_bytes_; }

  struct Scratch {
    WordCache cache;
    MergeTable::Scratch merging;
    std::string text;
  };

  // Appends the ids of one word. Throws Error(kBadModel) when a character is unknown and the unknown token
  // that the model names is not in its vocabulary.
  void encode(std::string_view word, std::vector<int32_t>& ids, Scratch& scratch) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  void read_merges(const Json& merges, const std::string& where);
  void add_merge(std::string_view left, std::string_view right, uint32_t rank, const std::string& where);
  void index_characters();
  int32_t character_id(char32_t c) const {
    const uint16_t page = pages_[c >> 8];
    return page == 0 ? -1 : page_ids_[static_cast<size_t>(page - 1) << 8 | (c & 0xFF)];
  }

  void encode_long_bytes(std::string_view word, std::vector<int32_t>& ids, Scratch& scratch) const;
  void encode_characters(std::string_view word, std::vector<int32_t>& ids, Scratch& scratch) const;
  void encode_part(std::string_view part, std::vector<int32_t>& ids, Scratch& scratch) const;
  void symbols_of(std::string_view part, std::vector<int32_t>& ids, Scratch& scratch) const;
  bool append_bytes(std::string_view character, std::vector<int32_t>& ids) const;

  std::string where_;
  Vocabulary vocabulary_;
  MergeTable merges_;
  Seams seams_;
  bool has_unknown_ = false;
  std::string unknown_;
  int32_t unknown_id_ = -1;
  bool fuse_unknown_ = false;
  bool byte_fallback_ = false;
  bool ignore_merges_ = false;
  std::string prefix_, suffix_;  // of symbols that continue, and that end, a word
  bool takes_bytes_ = false;

  std::array<int32_t, 256> byte_ids_{};           // of the byte-level characters, for takes_bytes_
  std::array<int32_t, 256> byte_fallback_ids_{};  // of <0x00> to <0xFF>, -1 where missing
  // Ids of single characters: a page of 256 for each block that has any.
  std::vector<uint16_t> pages_;
  std::vector<int32_t> page_ids_;
  Vocabulary words_as_bytes_;  // for takes_bytes_ with ignore_merges_
};

}  // namespace fptq
