// Draws batches of windows: all of them in random order, then again in another.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "quant/block_pass/block_pass.h"

namespace fptq {

// Windows of so many tokens each, one behind the other.
std::vector<TokenWindow> consecutive_windows(std::span<const int64_t> counts);

class WindowSampler {
 public:
  // At least one window; the draws depend on `seed` alone.
  WindowSampler(std::vector<TokenWindow> windows, uint64_t seed);

  // As many windows as have at most `tokens` tokens together, but at least one. Valid until the next call.
  std::span<const TokenWindow> next(int64_t tokens);

 private:
  void shuffle();

  std::vector<TokenWindow> windows_;
  std::vector<TokenWindow> batch_;
  std::mt19937_64 random_;
  size_t position_ = 0;
};

}  // namespace fptq
