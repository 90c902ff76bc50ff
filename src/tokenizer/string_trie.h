// A set of strings that finds the longest of them at a place in a text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fptq {

class StringTrie {
 public:
  StringTrie();

  // Returns false when the string is there already. It must not be empty; values are not negative.
  bool add(std::string_view text, int32_t value);
  bool empty() const { return nodes_.size() == 1; }

  struct Match {
    size_t begin = 0, end = 0;
    int32_t value = -1;  // -1: none
  };
  // The leftmost match at or behind `from`, the longest of those that begin there.
  Match find(std::string_view text, size_t from) const;

 private:
  struct Node {
    int32_t value = -1;
    std::vector<std::pair<uint8_t, uint32_t>> children;
  };
  uint32_t child(const Node& node, uint8_t byte) const;  // 0: none

  std::vector<Node> nodes_;
  std::array<bool, 256> begins_{};
};

}  // namespace fptq
