#include "tokenizer/merge_table.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace fptq {
namespace {

// Up to here scanning all pairs for the best beats keeping a heap (measured on WikiText-2 words).
constexpr size_t kShortWord = 48;

size_t slots_for(size_t merges) {
  return std::bit_ceil(std::max<size_t>(16, merges * 2));
}

}  // namespace

MergeTable::MergeTable(size_t expected_merges)
    : slots_(slots_for(expected_merges), Slot{kEmpty, {}}),
      mask_(slots_.size() - 1),
      shift_(64 - std::countr_zero(slots_.size())) {}

void MergeTable::add(int32_t left, int32_t right, Merge merge) {
  if ((count_ + 1) * 2 > slots_.size()) grow();
  const uint64_t key = key_of(left, right);
  size_t i = slot_of(key);
  while (slots_[i].key != kEmpty && slots_[i].key != key) i = (i + 1) & mask_;
  count_ += slots_[i].key == kEmpty;
  slots_[i] = {key, merge};
}

void MergeTable::grow() {
  MergeTable larger(slots_.size());
  for (const Slot& s : slots_) {
    if (s.key != kEmpty)
      larger.add(static_cast<int32_t>(s.key >> 32), static_cast<int32_t>(s.key & 0xFFFFFFFF), s.merge);
  }
  *this = std::move(larger);
}

void MergeTable::merge(std::vector<int32_t>& symbols, size_t first, Scratch& scratch) const {
  const size_t n = symbols.size() - first;
  if (n < 2) return;
  if (n <= kShortWord) {
    merge_short(symbols, first, scratch);
  } else {
    merge_long(symbols, first, scratch);
  }
}

void MergeTable::merge_short(std::vector<int32_t>& symbols, size_t first, Scratch& scratch) const {
  int32_t* const s = symbols.data() + first;
  size_t n = symbols.size() - first;
  scratch.next.resize(n);
  Merge* const next = scratch.next.data();  // next[i]: the merge of s[i] with s[i + 1]
  for (size_t i = 0; i + 1 < n; ++i) next[i] = find(s[i], s[i + 1]);
  while (n > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < n; ++i) {
      if (next[i].rank < next[best].rank) best = i;
    }
    if (next[best].rank == kNoMerge) break;
    s[best] = next[best].result;
    --n;
    for (size_t i = best + 1; i < n; ++i) {
      s[i] = s[i + 1];
      next[i] = next[i + 1];
    }
    if (best > 0) next[best - 1] = find(s[best - 1], s[best]);
    if (best + 1 < n) next[best] = find(s[best], s[best + 1]);
  }
  symbols.resize(first + n);
}

void MergeTable::merge_long(std::vector<int32_t>& symbols, size_t first, Scratch& scratch) const {
  constexpr int32_t kGone = -1;
  int32_t* const s = symbols.data() + first;
  const size_t n = symbols.size() - first;
  auto& left = scratch.left;
  auto& right = scratch.right;
  auto& heap = scratch.heap;  // rank in the upper half, position in the lower: the smallest is merged next
  left.resize(n);
  right.resize(n);
  heap.clear();
  const auto entry = [](uint32_t rank, size_t pos) { return static_cast<uint64_t>(rank) << 32 | pos; };
  for (size_t i = 0; i < n; ++i) {
    left[i] = static_cast<int32_t>(i) - 1;
    right[i] = i + 1 < n ? static_cast<int32_t>(i + 1) : -1;
    if (i + 1 == n) break;
    const Merge m = find(s[i], s[i + 1]);
    if (m.rank != kNoMerge) heap.push_back(entry(m.rank, i));
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto offer = [&](size_t pos) {
    const Merge m = find(s[pos], s[static_cast<size_t>(right[pos])]);
    if (m.rank == kNoMerge) return;
    heap.push_back(entry(m.rank, pos));
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const uint64_t top = heap.back();
    heap.pop_back();
    const auto pos = static_cast<size_t>(top & 0xFFFFFFFF);
    if (s[pos] == kGone || right[pos] < 0) continue;
    const auto gone = static_cast<size_t>(right[pos]);
    // The pair may have changed since it was offered; its present merge was offered then.
    const Merge m = find(s[pos], s[gone]);
    if (m.rank != top >> 32) continue;
    s[pos] = m.result;
    s[gone] = kGone;
    right[pos] = right[gone];
    if (right[pos] >= 0) {
      left[static_cast<size_t>(right[pos])] = static_cast<int32_t>(pos);
      offer(pos);
    }
    if (left[pos] >= 0) offer(static_cast<size_t>(left[pos]));
  }
  size_t kept = 0;
  for (size_t i = 0; i < n; ++i) {
    if (s[i] != kGone) s[kept++] = s[i];
  }
  symbols.resize(first + kept);
}

}  // namespace fptq
