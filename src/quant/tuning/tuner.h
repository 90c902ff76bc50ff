// The last word on scales and norms, with the whole model in view: Adam on the Kullback-Leibler divergence
// from the unquantized model, codes as they are. The scales' part is EfficientQAT's end-to-end phase (Chen et
// al., arXiv 2407.11062, section 3.3), the norms' is Norm Tweaking's idea (Li et al., arXiv 2309.02784); the
// gradients go through the quantized inputs too.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "quant/block_pass/block_pass.h"
#include "quant/block_pass/window_sampler.h"
#include "quant/pipeline.h"
#include "quant/tuning/output_loss.h"
#include "quant/tuning/tuned_block.h"

namespace fptq {

// Refers to everything, which outlives the tuner.
struct TuningProblem {
  const WeightSource& source;  // embedding, final norm and head, and the configuration
  const std::vector<std::vector<int32_t>>& windows;
  const float* teacher = nullptr;      // [all tokens, hidden_size] behind the unquantized model's last block
  std::vector<QuantizedBlock> blocks;  // in order; codes may be mapped from files
  DType dtype = DType::kBF16;          // that scales, norms and biases are stored in
};

struct TuningOptions {
  int64_t steps = 0;
  int64_t batch_tokens = 2048;  // of a step, in whole windows, at least one
  // Of Adam on logarithms, in the first step after the warm-up, falling linearly to nothing. 1e-3 ends
  // further from the original after 20 steps of 2,048 tokens, and after 100 (SmolLM2).
  double rate = 2e-3;
  uint64_t seed = 0;  // of the order of windows
  Precision precision = fast_precision();
};

// Memory: the hidden states of one batch at every block, one block as floats, the head as floats, and three
// floats for every scale. Not thread-safe; the same bits for any number of threads.
class Tuner {
 public:
  Tuner(TuningProblem problem, const TuningOptions& options, Backend& backend);

  TuningState start() const;
  // Whether `state` is one of this problem.
  bool fits(const TuningState& state) const;
  // The next step, state.step; returns the divergence of its batch before it, in nats per token. Throws
  // Error(kFailure) when that is not finite.
  double step(TuningState& state);
  QuantizedBlock tuned(const TuningState& state, int64_t layer) const;

 private:
  struct Batch {
    std::vector<TokenWindow> windows;  // in the batch
    AlignedBuffer<float> teacher;      // [tokens, hidden_size]
    int64_t tokens = 0;
  };

  int64_t parameters() const { return layouts_.back().end; }
  void draw_up_to(int64_t step);
  void gather(std::span<const TokenWindow> drawn);
  void load(const TuningState& state, int64_t layer);
  BlockBatch batch_at(int64_t layer) const;
  void update_scales(int64_t layer, InputId input, const float* gradient, TuningState& state);
  void update(const float* gradient, int64_t count, int64_t at, TuningState& state) const;
  float rate(int64_t step) const;

  TuningProblem problem_;
  TuningOptions options_;
  Backend& backend_;
  std::vector<BlockParameters> layouts_;
  std::vector<TokenWindow> windows_;  // by text
  WindowSampler sampler_;
  int64_t drawn_ = 0;  // batches
  OutputLoss loss_;
  // The block that the pass is at.
  int64_t loaded_ = -1;
  AlignedBuffer<float> attention_norm_, mlp_norm_;
  std::array<AlignedBuffer<float>, kAllLinears.size()> biases_;
  std::unique_ptr<BlockPass> pass_;
  Batch batch_;
  std::vector<AlignedBuffer<float>> hidden_;  // what enters each block, and leaves the last
  AlignedBuffer<float> gradient_;             // of the residual stream
  AlignedBuffer<float> scale_gradient_, norm_gradient_;
};

}  // namespace fptq
