#include "tokenizer/merge_table.h"

#include <gtest/gtest.h>

#include <random>

#include "tokenizer/word_cache.h"

namespace fptq {
namespace {

using Ids = std::vector<int32_t>;

// By definition: again and again the pair of the lowest rank, the leftmost of equals.
Ids merge_by_definition(const MergeTable& table, Ids s) {
  for (;;) {
    MergeTable::Merge best;
    size_t at = 0;
    for (size_t i = 0; i + 1 < s.size(); ++i) {
      const auto m = table.find(s[i], s[i + 1]);
      if (m.rank < best.rank) best = m, at = i;
    }
    if (best.rank == kNoMerge) return s;
    s[at] = best.result;
    s.erase(s.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(MergeTable, WordsOfAnyLengthMergeByTheDefinition) {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    // Letters 0..3; merges make new tokens of older ones, as training does.
    MergeTable table;
    int32_t next = 4;
    const auto below = [&](int32_t n) { return static_cast<int32_t>(random() % static_cast<uint32_t>(n)); };
    for (uint32_t rank = 0; rank < 40; ++rank) {
      const int32_t left = below(next);
      const int32_t right = below(next);
      table.add(left, right, {rank, next++});
    }
    MergeTable::Scratch scratch;
    for (const size_t length : {0, 1, 2, 3, 20, 48, 49, 50, 200, 999}) {
      Ids word(length);
      for (int32_t& c : word) c = below(4);
      Ids merged{77};  // what stands before is left alone
      merged.insert(merged.end(), word.begin(), word.end());
      table.merge(merged, 1, scratch);
      EXPECT_EQ(merged.front(), 77);
      merged.erase(merged.begin());
      EXPECT_EQ(merged, merge_by_definition(table, word));
    }
  }
}

TEST(MergeTable, TheLaterOfTwoEqualPairsCounts) {
  MergeTable table;
  table.add(1, 2, {0, 5});
  table.add(1, 2, {9, 6});
  EXPECT_EQ(table.find(1, 2).rank, 9u);
  EXPECT_EQ(table.find(1, 2).result, 6);
  EXPECT_EQ(table.find(2, 1).rank, kNoMerge);
}

TEST(WordCache, ForgetsWhenItIsFullAndStaysRight) {
  WordCache cache;
  for (int32_t i = 0; i < 200'000; ++i) {
    const std::string word = "w" + std::to_string(i);
    const int32_t ids[] = {i, -i};
    cache.insert(word, WordCache::hash(word), ids);
    size_t count = 0;
    const int32_t* found = cache.find(word, WordCache::hash(word), count);
    ASSERT_NE(found, nullptr);
    ASSERT_EQ(count, 2u);
    ASSERT_EQ(found[0], i);
  }
  size_t count = 0;
  EXPECT_EQ(cache.find("w0", WordCache::hash("w0"), count), nullptr);
  EXPECT_NE(cache.find("w199998", WordCache::hash("w199998"), count), nullptr);
  EXPECT_EQ(cache.find("never", WordCache::hash("never"), count), nullptr);
}

}  // namespace
}  // namespace fptq
