// Where a long word may be cut without changing its tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fptq {

// A merge joins two neighbours into a token that holds both. So between two characters that stand side by
// side inside no token, nothing ever merges: the word falls apart there, and its parts can be split (and
// remembered) on their own. SentencePiece tokenizers take a whole text as one word; its seams are before
// nearly every space.
class Seams {
 public:
  explicit Seams(size_t expected_pairs = 0);

  // Notes the neighbours inside `token` (valid UTF-8).
  void add_token(std::string_view token);

  // True only where no token has `left` followed by `right`. It may say false for other pairs too.
  bool between(char32_t left, char32_t right) const {
    const uint64_t h = hash(left, right);
    return !(bits_[h >> 6 & mask_] >> (h & 63) & 1);
  }

 private:
  static uint64_t hash(char32_t left, char32_t right) {
    const uint64_t h = (static_cast<uint64_t>(left) << 21 ^ right) * 0x9E3779B97F4A7C15u;
    return h >> 32;
  }

  std::vector<uint64_t> bits_;
  size_t mask_;
};

}  // namespace fptq
