#include "tokenizer/string_trie.h"

#include <cstring>

namespace fptq {

StringTrie::StringTrie() : nodes_(1) {}

uint32_t StringTrie::child(const Node& node, uint8_t byte) const {
  for (const auto& [label, target] : node.children) {
    if (label == byte) return target;
  }
  return 0;
}

bool StringTrie::add(std::string_view text, int32_t value) {
  begins_[static_cast<uint8_t>(text.front())] = true;
  uint32_t at = 0;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    uint32_t next = child(nodes_[at], byte);
    if (next == 0) {
      next = static_cast<uint32_t>(nodes_.size());
      nodes_[at].children.emplace_back(byte, next);
      nodes_.emplace_back();
    }
    at = next;
  }
  if (nodes_[at].value >= 0) return false;
  nodes_[at].value = value;
  return true;
}

StringTrie::Match StringTrie::find(std::string_view text, size_t from) const {
  const auto& starts = nodes_[0].children;
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (starts.size() == 1) {  // all begin alike, as with "<|...|>": let memchr run
      const void* hit = std::memchr(text.data() + begin, starts.front().first, text.size() - begin);
      if (hit == nullptr) break;
      begin = static_cast<size_t>(static_cast<const char*>(hit) - text.data());
    } else if (!begins_[static_cast<uint8_t>(text[begin])]) {
      continue;
    }
    Match match;
    uint32_t at = 0;
    for (size_t end = begin; end < text.size();) {
      at = child(nodes_[at], static_cast<uint8_t>(text[end++]));
      if (at == 0) break;
      if (nodes_[at].value >= 0) match = {begin, end, nodes_[at].value};
    }
    if (match.value >= 0) return match;
  }
  return {};
}

}  // namespace fptq
