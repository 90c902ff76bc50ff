#include "quant/block_pass/window_sampler.h"

#include <utility>

#include "base/uniform.h"

namespace fptq {

std::vector<TokenWindow> consecutive_windows(std::span<const int64_t> counts) {
  std::vector<TokenWindow> windows;
  int64_t begin = 0;
  for (const int64_t count : counts) {
    windows.push_back({begin, count});
    begin += count;
  }
  return windows;
}

WindowSampler::WindowSampler(std::vector<TokenWindow> windows, uint64_t seed)
    : windows_(std::move(windows)), random_(seed) {
  shuffle();
}

void WindowSampler::shuffle() {
  for (size_t i = windows_.size(); i > 1; --i) std::swap(windows_[i - 1], windows_[draw_below(random_, i)]);
  position_ = 0;
}

std::span<const TokenWindow> WindowSampler::next(int64_t tokens) {
  batch_.clear();
  int64_t total = 0;
  while (batch_.size() < windows_.size()) {
    if (position_ == windows_.size()) shuffle();
    const TokenWindow& window = windows_[position_];
    if (!batch_.empty() && total + window.count > tokens) break;
    batch_.push_back(window);
    total += window.count;
    ++position_;
  }
  return batch_;
}

}  // namespace fptq
