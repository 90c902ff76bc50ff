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

// Refers to its arguments, which outlive it; `options` are checked. Errors as quantize_blocks() says.
class BlockQuantizer {
 public:
  BlockQuantizer(const WeightSource& source, ThreadPool& pool, const QuantizeOptions& options);

  const Method& method() const { return method_; }
  // Of scales, and of dense tensors once they are stored.
  DType dtype() const { return dtype_; }

  // `observer` has seen the block's inputs, if the method needs that. Decisions and reports are appended to
  // `state`; `after_matrix` hears of each finished linear layer.
  QuantizedBlock quantize(int64_t layer, const ActivationObserver& observer, PipelineState& state,
                          const std::function<void(LinearId)>& after_matrix) const;

 private:
  using Originals = std::array<LinearWeights, kAllLinears.size()>;
  using Plans = std::array<ActivationPlan, kAllInputs.size()>;

  std::string where(const std::string& name) const { return source_.where() + ":" + name; }
  Originals read(int64_t layer) const;
  WeightSpec spec_of(const LinearWeights& original) const;
  ActivationPlan decide(int64_t layer, const InputFacts& facts, const ActivationStatistics& statistics,
                        const Originals& originals) const;
  Tensor norm(int64_t layer, NormId id, std::span<const float> scales) const;
  LinearWeights round(int64_t layer, LinearId id, const LinearWeights& original, const Plans& plans,
                      const Curvature* curvature, std::span<const float> sample,
                      std::vector<LinearReport>& reports) const;

  const WeightSource& source_;
  ThreadPool& pool_;
  const QuantizeOptions& options_;
  const Method& method_;
  RangeOptions range_;
  DType dtype_;
};

}  // namespace fptq
