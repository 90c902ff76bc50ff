// "did you mean": the nearest known word to a mistyped one.
#pragma once

#include <string>
#include <vector>

namespace fptq {

// The word of `known` with the smallest edit distance (insertions, deletions, substitutions, swaps of
// neighbours) to `word`, or "" when none is near enough to be meant.
std::string closest(const std::string& word, const std::vector<std::string>& known);

}  // namespace fptq
