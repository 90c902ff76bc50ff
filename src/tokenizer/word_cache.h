// Words that were split before and the ids they gave. Most of a text is a few thousand words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fptq {

// Bounded: it forgets everything when it is full. Not thread-safe.
class WordCache {
 public:
  static constexpr size_t kLongestWord = 64;

  static uint64_t hash(std::string_view word);

  // The ids of `word`, or null when it is not here; valid until the next insert(). `count` gets how many.
  const int32_t* find(std::string_view word, uint64_t hash, size_t& count) const;
  void insert(std::string_view word, uint64_t hash, std::span<const int32_t> ids);

 private:
  static constexpr size_t kMaxWords = size_t{1} << 16;
  static constexpr size_t kMostIds = 4 * kLongestWord;  // a word of more is not kept
  struct Slot {
    uint64_t hash = 0;
    uint32_t text = 0;  // offsets into the two stores
    uint32_t ids = 0;
    uint16_t text_size = 0;  // 0: free
    uint16_t count = 0;
  };
  void grow();

  std::vector<Slot> slots_;
  size_t words_ = 0;
  std::string text_;
  std::vector<int32_t> ids_;
};

}  // namespace fptq
