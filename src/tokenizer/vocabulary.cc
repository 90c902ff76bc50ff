#include "tokenizer/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "fptq/error.h"

namespace fptq {

int32_t checked_token_id(int64_t id, const std::string& where) {
  if (id < 0 || id > kMaxTokenId) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("token id {} is not between 0 and {}", id, kMaxTokenId));
  }
  return static_cast<int32_t>(id);
}

void Vocabulary::reserve(size_t tokens) {
  const size_t size = std::bit_ceil(std::max<size_t>(16, 2 * tokens));
  if (size <= slots_.size()) return;
  slots_.assign(size, {});
  for (int32_t id = 0; id < end_id(); ++id) {
    if (!has(id)) continue;
    const size_t h = hash(token(id));
    slots_[find_slot(token(id), h)] = {static_cast<uint32_t>(h), id};
  }
}

void Vocabulary::add(std::string_view token, int32_t id, const std::string& where) {
  if (has(id)) {
    throw Error(
        ErrorKind::kBadModel, where,
        fmt::format("id {} is given to \"{}\" and to \"{}\"", id, tokens_[static_cast<size_t>(id)], token));
  }
  reserve(count_ + 1);
  const size_t h = hash(token), slot = find_slot(token, h);
  if (slots_[slot].id >= 0) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("token \"{}\" has two ids, {} and {}", token, slots_[slot].id, id));
  }
  constexpr size_t kBlock = size_t{64} << 10;
  if (blocks_.empty() || blocks_.back().capacity() - blocks_.back().size() < token.size()) {
    blocks_.emplace_back().reserve(std::max(kBlock, token.size()));
  }
  std::string& block = blocks_.back();
  const size_t begin = block.size();
  block += token;
  const std::string_view stored = std::string_view(block).substr(begin);
  if (static_cast<size_t>(id) >= tokens_.size()) {
    tokens_.resize(static_cast<size_t>(id) + 1);
    used_.resize(static_cast<size_t>(id) + 1);
  }
  tokens_[static_cast<size_t>(id)] = stored;
  used_[static_cast<size_t>(id)] = true;
  slots_[slot] = {static_cast<uint32_t>(h), id};
  ++count_;
}

}  // namespace fptq
