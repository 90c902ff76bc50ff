// Which pairs of tokens merge, in what order of preference, and the merging itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fptq {

constexpr uint32_t kNoMerge = 0xFFFFFFFF;

class MergeTable {
 public:
  struct Merge {
    uint32_t rank = kNoMerge;  // lower is merged first
    int32_t result = -1;
  };

  explicit MergeTable(size_t expected_merges = 0);

  // A pair given twice keeps the later rank, as tokenizers does it.
  void add(int32_t left, int32_t right, Merge merge);

  Merge find(int32_t left, int32_t right) const {
    const uint64_t key = key_of(left, right);
    for (size_t i = slot_of(key);; i = (i + 1) & mask_) {
      const Slot& s = slots_[i];
      if (s.key == key) return s.merge;
      if (s.key == kEmpty) return {};
    }
  }

  // Scratch memory of merge(), kept by the caller so that words need no allocations.
  struct Scratch {
    std::vector<Merge> next;
    std::vector<int32_t> left, right;
    std::vector<uint64_t> heap;
  };

  // Merges symbols[first...] in place until no pair is in the table: always the pair of the lowest rank,
  // the leftmost of equals. Words of any length take O(n log n) time.
  void merge(std::vector<int32_t>& symbols, size_t first, Scratch& scratch) const;

 private:
  struct Slot {
    uint64_t key;
    Merge merge;
  };
  static constexpr uint64_t kEmpty = ~uint64_t{0};  // ids are not negative, so no pair has this key

  static uint64_t key_of(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t slot_of(uint64_t key) const { return (key * 0x9E3779B97F4A7C15u) >> shift_ & mask_; }
  void grow();
  void merge_short(std::vector<int32_t>& symbols, size_t first, Scratch& scratch) const;
  void merge_long(std::vector<int32_t>& symbols, size_t first, Scratch& scratch) const;

  std::vector<Slot> slots_;
  size_t mask_ = 0;
  int shift_ = 0;
  size_t count_ = 0;
};

}  // namespace fptq
