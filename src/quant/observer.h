// What calibration learns about the input of linear layers, streaming.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "model/tap.h"
#include "quant/value_spread.h"

namespace fptq {

// What a method wants to know beside the channel maxima.
struct StatisticsNeeds {
  bool moment = false;
  bool drift = false;         // needs moments, too
  int64_t sample_tokens = 0;  // about so many, evenly spread over `tokens`
  bool mean = false;
};

struct ActivationStatistics {
  std::vector<float> channel_max;  // a_j = max over tokens of |x_j|; empty before the first token
  int64_t tokens = 0;
  // Mean of x x^T over the tokens, [width, width], lower triangle. A few massive tokens (Sun et al., arXiv
  // 2402.17762) would outweigh all others: an x longer than three times the median of its batch is shortened
  // to that.
  AlignedBuffer<float> moment = {};
  // Mean of (x_original - x) x^T, [width, width], x_original what the unquantized model has in this place:
  // how far the quantized blocks before have led away, as far as it goes with x. Tokens are shortened alike.
  AlignedBuffer<float> drift = {};
  std::vector<float> sample = {};        // [sample_tokens(), width]
  std::vector<float> channel_mean = {};  // mean |x_j| over the tokens
  ValueSpread spread = {};

  int64_t width() const { return std::ssize(channel_max); }
  int64_t sample_tokens() const { return sample.empty() ? 0 : std::ssize(sample) / width(); }

  // v, the largest channel maximum; 0 before the first token.
  float max() const;
};

// Keeps the inputs of one batch as they are in the unquantized model.
class OriginalInputs : public Tap {
 public:
  void on_linear_input(int64_t, InputId input, const float* x, int64_t tokens, int64_t width) override {
    inputs_[static_cast<size_t>(input)].assign(x, x + tokens * width);
  }
  const std::vector<float>& of(InputId input) const { return inputs_[static_cast<size_t>(input)]; }

 private:
  std::array<std::vector<float>, kAllInputs.size()> inputs_;
};

// Gathers the statistics of one block's inputs, in float32 and without regard to how tokens are cut into
// calls. A NaN is kept as the maximum of its channel, so that check_finite() sees it. Not thread-safe.
class ActivationObserver : public Tap {
 public:
  // `tokens` will be seen before each reset(). Where drift is needed, each batch has passed `originals`
  // before.
  explicit ActivationObserver(ThreadPool& pool, const StatisticsNeeds& needs = {}, int64_t tokens = 0,
                              const OriginalInputs* originals = nullptr);

  void on_linear_input(int64_t layer, InputId input, const float* x, int64_t tokens, int64_t width) override;
  const ActivationStatistics& of(InputId input) const { return statistics_[static_cast<size_t>(input)]; }
  // All tokens were seen: moments become means.
  void finish();
  // Forgets everything: the next block begins.
  void reset();

 private:
  void add_moment(InputId input, const float* x, int64_t tokens, ActivationStatistics& s);
  void add_sample(const float* x, int64_t tokens, ActivationStatistics& s) const;
  void add_mean(InputId input, const float* x, int64_t tokens, int64_t width);

  ThreadPool& pool_;
  StatisticsNeeds needs_;
  int64_t sample_step_;  // every so many tokens one is kept
  const OriginalInputs* originals_;
  std::vector<float> shortened_, differences_;
  std::array<std::vector<double>, kAllInputs.size()> sums_;  // of |x_j|
  std::array<ActivationStatistics, kAllInputs.size()> statistics_;
};

// Throws Error(kBadModel, where) naming the first channel whose maximum is not a finite number.
void check_finite(const ActivationStatistics& statistics, const std::string& where);

}  // namespace fptq
