#include "tokenizer/word_cache.h"

#include <cstring>

namespace fptq {
namespace {

constexpr uint64_t kMultiplier = 0x9FB21C651E98DF25u;

uint64_t mix(uint64_t h, uint64_t v) {
  h = (h ^ v) * kMultiplier;
  return h ^ h >> 32;
}

}  // namespace

uint64_t WordCache::hash(std::string_view word) {
  const char* p = word.data();
  size_t left = word.size();
  uint64_t h = left * kMultiplier;
  for (; left >= 8; left -= 8, p += 8) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    h = mix(h, v);
  }
  uint64_t v = 0;
  for (size_t i = 0; i < left; ++i) v |= static_cast<uint64_t>(static_cast<uint8_t>(p[i])) << (8 * i);
  return mix(h, v);
}

const int32_t* WordCache::find(std::string_view word, uint64_t hash, size_t& count) const {
  if (slots_.empty()) return nullptr;
  const size_t mask = slots_.size() - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    const Slot& s = slots_[i];
    if (s.text_size == 0) return nullptr;
    if (s.hash == hash && s.text_size == word.size() &&
        std::memcmp(text_.data() + s.text, word.data(), word.size()) == 0) {
      count = s.count;
      return ids_.data() + s.ids;
    }
  }
}

void WordCache::insert(std::string_view word, uint64_t hash, std::span<const int32_t> ids) {
  if (ids.size() > kMostIds) return;
  if (words_ == kMaxWords) {
    slots_.clear();
    text_.clear();
    ids_.clear();
    words_ = 0;
  }
  if ((words_ + 1) * 2 > slots_.size()) grow();
  const size_t mask = slots_.size() - 1;
  size_t i = hash & mask;
  while (slots_[i].text_size != 0) i = (i + 1) & mask;
  slots_[i] = {hash, static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(ids_.size()),
               static_cast<uint16_t>(word.size()), static_cast<uint16_t>(ids.size())};
  text_ += word;
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  ++words_;
}

void WordCache::grow() {
  std::vector<Slot> old(slots_.empty() ? 256 : slots_.size() * 2);
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& s : old) {
    if (s.text_size == 0) continue;
    size_t i = s.hash & mask;
    while (slots_[i].text_size != 0) i = (i + 1) & mask;
    slots_[i] = s;
  }
}

}  // namespace fptq
