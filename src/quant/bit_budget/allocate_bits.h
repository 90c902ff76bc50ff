// Choosing a form for each of many layers under one budget of bytes: the multiple-choice knapsack.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fptq {

struct SizedForm {
  int64_t bytes = 0;
  double cost = 0.0;  // what it does to the model; costs of layers add up
};

// One of each item's forms (at least one each), so that the costs add up to the least that `budget` bytes
// allow. Solved by dynamic programming over the bytes beyond the smallest forms, in 65,536 steps: what is
// beyond is rounded up to steps, so the budget always holds, and up to one step an item stays unused.
// Among equally good choices the smaller one. Throws Error(kUsage) when the smallest forms do not fit.
std::vector<size_t> allocate_bits(std::span<const std::vector<SizedForm>> items, int64_t budget);

}  // namespace fptq
