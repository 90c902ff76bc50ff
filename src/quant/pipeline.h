// The one quantization loop: block by block, observe -> equalize -> choose activations -> round -> hand on. It
// knows no method by name; a method is a row of method.h's table.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "fptq/progress.h"
#include "fptq/quantize.h"
#include "model/weight_source.h"

namespace fptq {

// What one block became. Linears are in the order of kAllLinears; norms carry what was folded into them.
struct QuantizedBlock {
  int64_t layer = 0;
  std::vector<LinearWeights> linears;
  Tensor attention_norm;
  Tensor mlp_norm;
};

// Receives blocks in order. Implemented by whoever writes the checkpoint.
class BlockSink {
 public:
  virtual ~BlockSink() = default;
  // Must have made the block durable, if it is to survive a crash, when it returns.
  virtual void put(const QuantizedBlock& block) = 0;
};

// Where an interrupted run left off. `hidden` are the calibration tokens' states [tokens, hidden_size] that enter block
// `next_layer`; reports are those of the finished blocks.
struct PipelineState {
  int64_t next_layer = 0;
  AlignedBuffer<float> hidden;
  std::vector<InputDecision> inputs;
  std::vector<LinearReport> linears;
};

struct PipelineHooks {
  // Called now and then after a block is done (never more often than the state is cheap); may persist the state.
  std::function<void(const PipelineState&)> checkpoint;
  // A state to start from, or none.
  std::optional<PipelineState> resume;
};

// `calibration` holds the windows of token ids (each is one sequence; empty for methods that need no data).
// Quantizes every block of `source` and hands it to `sink`; embeddings, head and final norm are not touched.
// Deterministic: the same bytes for any number of threads and any resume point.
QuantizeReport quantize_blocks(const WeightSource& source, Backend& backend,
                               const std::vector<std::vector<int32_t>>& calibration, const QuantizeOptions& options,
                               BlockSink& sink, Progress& progress, PipelineHooks hooks = {});

}  // namespace fptq
