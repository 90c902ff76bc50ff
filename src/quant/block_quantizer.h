// One decoder block from floats to integers, by a method's policy and solver.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "fptq/quantize.h"
#include "model/weight_source.h"
#include "quant/method.h"
#include "quant/observer.h"
#include "quant/pipeline.h"
#include "quant/recipe.h"

namespace fptq {

// The calibration tokens at one block, for methods that need the original beside what quantized blocks made.
struct BlockTokens {
  std::vector<int64_t> windows = {};  // tokens of each
  const float* inputs = nullptr;      // [tokens, hidden_size]: what enters the block behind quantized ones
  const float* targets = nullptr;     // what leaves the block in the unquantized model
};

// Refers to its arguments, which outlive it; `options` are checked. Errors as quantize_blocks() and
// LayerRecipe say.
class BlockQuantizer {
 public:
  BlockQuantizer(const WeightSource& source, ThreadPool& pool, const QuantizeOptions& options);

  const LayerRecipe& recipe() const { return recipe_; }
  // Of scales, and of dense tensors once they are stored.
  DType dtype() const { return dtype_; }

  // `observer` has seen the block's inputs, if the methods need that, and `tokens` are filled. Decisions and
  // reports are appended to `state`; `after_matrix` hears of each linear layer, `after_iteration` of each
  // iteration of learned rounding. Layers that the recipe ignores are dense.
  QuantizedBlock quantize(int64_t layer, const ActivationObserver& observer, const BlockTokens& tokens,
                          PipelineState& state, const std::function<void(LinearId)>& after_matrix,
                          const std::function<void()>& after_iteration) const;

 private:
  using Originals = std::array<LinearWeights, kAllLinears.size()>;
  using Plans = std::array<ActivationPlan, kAllInputs.size()>;
  struct KnownCurvature {
    bool drift;
    Regularization by;
    Curvature curvature;
  };
  using CurvaturesOfInput = std::list<KnownCurvature>;  // which stay where they are

  std::string where(const std::string& name) const { return source_.where() + ":" + name; }
  Originals read(int64_t layer) const;
  WeightSpec spec_of(int64_t layer, LinearId id) const;
  WeightSpec coarsest(int64_t layer, std::span<const LinearId> ids) const;
  ActivationPlan decide(int64_t layer, const InputFacts& facts, const ActivationStatistics& statistics,
                        const Originals& originals) const;
  Tensor norm(int64_t layer, NormId id, std::span<const float> scales) const;
  // The one that the layer's method asks for, from those of its input that are known, or made; null where
  // the method asks for none.
  const Curvature* curvature(int64_t layer, LinearId id, const ActivationStatistics& seen,
                             const ActivationPlan& plan, CurvaturesOfInput& known) const;
  LinearWeights solve(int64_t layer, LinearId id, const WeightRows& weights, const ActivationPlan& plan,
                      const Curvature* curvature, std::span<const float> sample) const;
  void learn(int64_t layer, const BlockTokens& tokens, std::span<const WeightRows> weights,
             const Plans& plans, QuantizedBlock& block, const std::function<void()>& after_iteration) const;
  LinearReport report(int64_t layer, LinearId id, const WeightRows& weights,
                      const LinearWeights& quantized) const;

  const WeightSource& source_;
  ThreadPool& pool_;
  const QuantizeOptions& options_;
  LayerRecipe recipe_;
  RangeOptions range_;
  DType dtype_;
};

}  // namespace fptq
