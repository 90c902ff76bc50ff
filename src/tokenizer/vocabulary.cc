#include "tokenizer/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>

#include "fptq/error.h"

namespace fptq {

int32_t checked_token_id(int64_t id, const std::string& where) {
  if (id < 0 || id > kMaxTokenId) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("token id {} is not between 0 and {}", id, kMaxTokenId));
  }
  return static_cast<int32_t>(id);
}

void Vocabulary::add(std::string_view token, int32_t id, const std::string& where) {
  if (has(id)) {
    throw Error(
        ErrorKind::kBadModel, where,
        fmt::format("id {} is given to \"{}\" and to \"{}\"", id, tokens_[static_cast<size_t>(id)], token));
  }
  constexpr size_t kBlock = size_t{64} << 10;
  if (blocks_.empty() || blocks_.back().capacity() - blocks_.back().size() < token.size()) {
    blocks_.emplace_back().reserve(std::max(kBlock, token.size()));
  }
  std::string& block = blocks_.back();
  const size_t begin = block.size();
  block += token;
  const std::string_view stored = std::string_view(block).substr(begin);
  if (!ids_.emplace(stored, id).second) {
    throw Error(ErrorKind::kBadModel, where,
                fmt::format("token \"{}\" has two ids, {} and {}", token, ids_.at(stored), id));
  }
  if (static_cast<size_t>(id) >= tokens_.size()) {
    tokens_.resize(static_cast<size_t>(id) + 1);
    used_.resize(static_cast<size_t>(id) + 1);
  }
  tokens_[static_cast<size_t>(id)] = stored;
  used_[static_cast<size_t>(id)] = true;
}

}  // namespace fptq
