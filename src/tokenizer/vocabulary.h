// Token strings and their ids.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fptq {

// Ids may have gaps, but a few entries must not make a table of gigabytes.
constexpr int64_t kMaxTokenId = (int64_t{1} << 21) - 1;

// Checks an id that a file states; throws Error(kBadModel, where).
int32_t checked_token_id(int64_t id, const std::string& where);

class Vocabulary {
 public:
  Vocabulary() = default;
  // The keys of the map look into the strings here, so these must not move to other addresses.
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  void reserve(size_t tokens) { ids_.reserve(tokens); }
  // Throws Error(kBadModel, where) when the token or the id is taken.
  void add(std::string_view token, int32_t id, const std::string& where);

  // -1 when there is none.
  int32_t id(std::string_view token) const {
    const auto it = ids_.find(token);
    return it == ids_.end() ? -1 : it->second;
  }
  // Empty when unused.
  std::string_view token(int32_t id) const {
    return id < 0 || static_cast<size_t>(id) >= tokens_.size() ? std::string_view()
                                                               : tokens_[static_cast<size_t>(id)];
  }
  bool has(int32_t id) const {
    return id >= 0 && static_cast<size_t>(id) < used_.size() && used_[static_cast<size_t>(id)];
  }
  size_t count() const { return ids_.size(); }
  int32_t end_id() const { return static_cast<int32_t>(tokens_.size()); }  // highest id + 1

 private:
  std::unordered_map<std::string_view, int32_t> ids_;
  std::vector<std::string_view> tokens_;
  std::vector<bool> used_;
  std::vector<std::string> blocks_;  // the characters, in blocks that never move
};

}  // namespace fptq
