// One decoder block from floats to integers, by a method's policy and solver.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "fptq/quantize.h"
#include "model/weight_source.h"
#include "quant/method.h"
#include "quant/observer.h"
#include "quant/pipeline.h"

namespace fptq {

// The calibration tokens at one block, for methods that need the original beside what quantized blocks made.
struct BlockTokens {
  std::vector<int64_t> windows = {};  // tokens of each
  const float* inputs = nullptr;      // [tokens, hidden_size]: what enters the block behind quantized ones
  const float* targets = nullptr;     // what leaves the block in the unquantized model
};

// Refers to its arguments, which outlive it; `options` are checked. Errors as quantize_blocks() says.
class BlockQuantizer {
 public:
  BlockQuantizer(const WeightSource& source, ThreadPool& pool, const QuantizeOptions& options);

  const Method& method() const { return method_; }
  // Of scales, and of dense tensors once they are stored.
  DType dtype() const { return dtype_; }

  // Of learned rounding, for each block; 0 when the method learns nothing.
  int64_t iterations() const;
  // Of tuning, once all blocks are done; 0 when the method does none.
  int64_t tuning_steps() const;
  // Whether the unquantized model's hidden states have to travel along.
  bool needs_original() const { return method_.needs.drift || iterations() > 0 || tuning_steps() > 0; }

  // `observer` has seen the block's inputs, if the method needs that, and `tokens` are filled. Decisions and
  // reports are appended to `state`; `after_matrix` hears of each solved linear layer, `after_iteration` of
  // each iteration of learned rounding.
  QuantizedBlock quantize(int64_t layer, const ActivationObserver& observer, const BlockTokens& tokens,
                          PipelineState& state, const std::function<void(LinearId)>& after_matrix,
                          const std::function<void()>& after_iteration) const;

 private:
  using Originals = std::array<LinearWeights, kAllLinears.size()>;
  using Plans = std::array<ActivationPlan, kAllInputs.size()>;

  std::string where(const std::string& name) const { return source_.where() + ":" + name; }
  Originals read(int64_t layer) const;
  WeightSpec spec_of(const LinearWeights& original) const;
  ActivationPlan decide(int64_t layer, const InputFacts& facts, const ActivationStatistics& statistics,
                        const Originals& originals) const;
  Tensor norm(int64_t layer, NormId id, std::span<const float> scales) const;
  LinearWeights solve(LinearId id, const WeightRows& weights, const LinearWeights& original,
                      const ActivationPlan& plan, const Curvature* curvature,
                      std::span<const float> sample) const;
  void learn(int64_t layer, const BlockTokens& tokens, std::span<const WeightRows> weights,
             const Plans& plans, QuantizedBlock& block, const std::function<void()>& after_iteration) const;
  AlignedBuffer<float> stored_norm(const Tensor& norm) const;
  LinearReport report(int64_t layer, LinearId id, const WeightRows& weights,
                      const LinearWeights& quantized) const;

  const WeightSource& source_;
  ThreadPool& pool_;
  const QuantizeOptions& options_;
  const Method& method_;
  RangeOptions range_;
  DType dtype_;
};

}  // namespace fptq
