// Token strings and their ids.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fptq {

// Ids may have gaps, but a few entries must not make a table of gigabytes.
constexpr int64_t kMaxTokenId = (int64_t{1} << 21) - 1;

// Checks an id that a file states; throws Error(kBadModel, where).
int32_t checked_token_id(int64_t id, const std::string& where);

class Vocabulary {
 public:
  Vocabulary() = default;
  // Tokens are views into the strings here, so these must not move to other addresses.
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  void reserve(size_t tokens);
  // Throws Error(kBadModel, where) when the token or the id is taken.
  void add(std::string_view token, int32_t id, const std::string& where);

  // -1 when there is none.
  int32_t id(std::string_view token) const {
    return slots_.empty() ? -1 : slots_[find_slot(token, hash(token))].id;
  }
  // Empty when unused.
  std::string_view token(int32_t id) const {
    return id < 0 || static_cast<size_t>(id) >= tokens_.size() ? std::string_view()
                                                               : tokens_[static_cast<size_t>(id)];
  }
  bool has(int32_t id) const {
    return id >= 0 && static_cast<size_t>(id) < used_.size() && used_[static_cast<size_t>(id)];
  }
  size_t count() const { return count_; }
  int32_t end_id() const { return static_cast<int32_t>(tokens_.size()); }  // highest id + 1

 private:
  // A table of ids with open addressing: reading a tokenizer looks up three tokens for every merge, and a
  // node for each entry would miss the caches twice.
  struct Slot {
    uint32_t hash = 0;
    int32_t id = -1;  // -1: free
  };
  static size_t hash(std::string_view token) { return std::hash<std::string_view>{}(token); }
  // The token's slot, or the free one where it would go.
  size_t find_slot(std::string_view token, size_t hash) const {
    const size_t mask = slots_.size() - 1;
    size_t i = (hash >> 32) & mask;
    while (slots_[i].id >= 0 && !(slots_[i].hash == static_cast<uint32_t>(hash) &&
                                  tokens_[static_cast<size_t>(slots_[i].id)] == token)) {
      i = (i + 1) & mask;
    }
    return i;
  }

  std::vector<Slot> slots_;  // a power of two, at most half of them taken; empty at first
  size_t count_ = 0;
  std::vector<std::string_view> tokens_;
  std::vector<bool> used_;
  std::vector<std::string> blocks_;  // the characters, in blocks that never move
};

}  // namespace fptq
