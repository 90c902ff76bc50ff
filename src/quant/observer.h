// What calibration learns about the input of linear layers: the largest |x| of every channel, streaming.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "model/tap.h"

namespace fptq {

struct ActivationStatistics {
  std::vector<float> channel_max;  // a_j = max over tokens of |x_j|; empty before the first token
  int64_t tokens = 0;

  // v, the largest channel maximum; 0 before the first token.
  float max() const;
};

// Gathers the statistics of one block's inputs, in float32 and without regard to how tokens are cut into
// calls. A NaN is kept as the maximum of its channel, so that check_finite() sees it. Not thread-safe.
class ActivationObserver : public Tap {
 public:
  explicit ActivationObserver(ThreadPool& pool) : pool_(pool) {}

  void on_linear_input(int64_t layer, InputId input, const float* x, int64_t tokens, int64_t width) override;
  const ActivationStatistics& of(InputId input) const { return statistics_[static_cast<size_t>(input)]; }
  // Forgets everything: the next block begins.
  void reset();

 private:
  ThreadPool& pool_;
  std::array<ActivationStatistics, kAllInputs.size()> statistics_;
};

// Throws Error(kBadModel, where) naming the first channel whose maximum is not a finite number.
void check_finite(const ActivationStatistics& statistics, const std::string& where);

}  // namespace fptq
