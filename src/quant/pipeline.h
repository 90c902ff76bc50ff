// The one quantization loop: block by block, observe -> equalize -> choose activations -> round -> hand on.
// It knows no method by name; a method is a row of method.h's table.
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
  // A block that was put, as it reads back; its memory may be a mapped file's.
  virtual QuantizedBlock get(int64_t layer) const = 0;
  // The same block once more, with other scales and norms, which need not be durable: a run that goes on puts
  // them again.
  virtual void replace(const QuantizedBlock& block) = 0;
};

// Held-out tokens that travel with the blocks: through each one as it was and as it became, so that source
// and result can be compared at the end without ever holding a whole model.
struct Probe {
  std::vector<std::vector<int32_t>> windows;  // each is one sequence
  KvType quantized_kv = KvType::kFloat;
  // What the result embeds tokens with; without rows, the source's table in the type it is stored in.
  LinearWeights quantized_table = {};
  AlignedBuffer<float> reference;  // [tokens, hidden_size] behind the last block of the source
  AlignedBuffer<float>
      quantized;  // the same behind the last block of the result, run as an engine will run it
};

// Where tuning is: all parameters and Adam's two moving averages of their gradients, one array behind the
// other.
struct TuningState {
  int64_t step = 0;
  AlignedBuffer<float> values;
};

// Where an interrupted run left off. `hidden` are the states [tokens, hidden_size] of the calibration
// tokens that statistics are taken of, as they enter block `next_layer`, `original` those of all in the
// unquantized model where a method needs both; reports
// are those of the finished blocks.
struct PipelineState {
  int64_t next_layer = 0;
  AlignedBuffer<float> hidden;
  AlignedBuffer<float> original;
  AlignedBuffer<float> probe_reference, probe_quantized;  // those of the probe, empty when there is none
  TuningState tuning;                                     // behind the last block, for methods that tune
  std::vector<InputDecision> inputs;
  std::vector<LinearReport> linears;
  std::vector<BlockReport> blocks;
};

struct PipelineHooks {
  // Called after a block that was put into the sink or a step of tuning, at most every `checkpoint_seconds`
  // (the state is as large as all calibration tokens' hidden states); may persist the state.
  std::function<void(const PipelineState&)> checkpoint;
  double checkpoint_seconds = 30.0;
  // A state to start from, or none.
  std::optional<PipelineState> resume;
};

// `calibration` holds the windows of token ids (each is one sequence; not looked at by methods that need no
// data). Quantizes every block of `source` and hands it to `sink`; embeddings, head and final norm are not
// touched. Norms are handed over as F32, scales are of resolve_output_dtype(). In memory are one block, as it
// was or as it became, and the hidden states of all calibration and probe tokens. Statistics are those of the
// unquantized model, or of the quantized blocks before each one, as the method asks. `probe`, if not null,
// has its windows pass too and its two results filled in. Fills the report's inputs, linears,
// calibration_tokens and resumed. Deterministic: the same bytes for any number of threads and any resume
// point. Throws Error: kUsage for options, windows or a resume state that do not fit; kBadModel for weights
// or activations that are not finite and for a source that is quantized already; and what `progress` and
// `sink` throw.
QuantizeReport quantize_blocks(const WeightSource& source, Backend& backend,
                               const std::vector<std::vector<int32_t>>& calibration,
                               const QuantizeOptions& options, BlockSink& sink, Probe* probe,
                               Progress& progress, PipelineHooks hooks = {});

}  // namespace fptq
