#include "quant/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "fptq/error.h"
#include "model/forward.h"
#include "quant/block_quantizer.h"
#include "quant/deviation.h"
#include "quant/observer.h"
#include "quant/settings.h"
#include "quant/stored.h"
#include "quant/token_stream.h"
#include "quant/tuning/tuner.h"

namespace fptq {
namespace {

using Clock = std::chrono::steady_clock;
using Windows = std::vector<std::vector<int32_t>>;
const Windows kNoWindows;

// Progress in units of a block: its batches of tokens, then its matrices.
class BlockProgress {
 public:
  BlockProgress(Progress& progress, int64_t layers, int64_t per_layer, int64_t first_layer)
      : progress_(progress), layers_(layers), per_layer_(per_layer), done_(first_layer * per_layer) {
    progress_.begin("quantize", layers * per_layer);
    if (done_ > 0) progress_.update(done_, "resumed");
  }
  void step(int64_t layer, const char* what) {
    progress_.update(++done_, fmt::format("layer {}/{} {}", layer + 1, layers_, what));
  }
  // Blocks that had less to do than others catch up with them.
  void finish_block(int64_t blocks) {
    if (done_ < blocks * per_layer_) progress_.update(done_ = blocks * per_layer_, "");
  }
  void end() { progress_.end(); }

 private:
  Progress& progress_;
  int64_t layers_, per_layer_;
  int64_t done_;
};

void check_calibration_is_there(const QuantizeOptions& options, const LayerRecipe& recipe,
                                const Windows& calibration) {
  if (!recipe.needs_calibration() || !calibration.empty()) return;
  throw Error(
      ErrorKind::kUsage, "calibration",
      fmt::format("is empty, but method {} with scheme {} needs data", options.method, options.scheme));
}

// Calibration windows by use, in order.
struct SplitWindows {
  Windows observed;
  Windows others;
};

// As many of the first windows as have at most `limit` tokens together, but at least one.
SplitWindows split(const Windows& windows, int64_t limit) {
  SplitWindows result;
  int64_t tokens = 0;
  for (const std::vector<int32_t>& window : windows) {
    tokens += std::ssize(window);
    Windows& part = tokens <= limit || result.observed.empty() ? result.observed : result.others;
    part.push_back(window);
  }
  return result;
}

class Pipeline {
 public:
  Pipeline(const WeightSource& source, Backend& backend, const Windows& calibration,
           const QuantizeOptions& options, const Probe* probe)
      : source_(source),
        backend_(backend),
        quantizer_(source, backend.pool(), options),
        recipe_(quantizer_.recipe()),
        observes_(recipe_.needs_calibration()),
        windows_(split(observes_ ? calibration : kNoWindows, observed_limit())),
        observed_(backend, source.config(), windows_.observed, "calibration"),
        others_(backend, source.config(), windows_.others, "calibration"),
        probe_(backend, source.config(), probe != nullptr ? probe->windows : kNoWindows, "probe"),
        probe_kv_(probe != nullptr ? probe->quantized_kv : KvType::kFloat),
        probe_table_(probe != nullptr ? probe->quantized_table : LinearWeights{}),
        observer_(backend.pool(), recipe_.statistics(), observed_.tokens(), &originals_) {
    check_calibration_is_there(options, recipe_, calibration);
  }

  int64_t calibration_tokens() const { return observed_.tokens() + others_.tokens(); }
  int64_t steps_per_layer() const {
    const int64_t passes = recipe_.sequential() ? 2 : 1;
    int64_t iterations = 0;
    for (int64_t layer = 0; layer < source_.config().num_layers; ++layer)
      iterations = std::max(iterations, recipe_.iterations(layer));
    return passes * observed_.batches() + others_.batches() + 2 * probe_.batches() +
           static_cast<int64_t>(kAllLinears.size()) + iterations;
  }

  PipelineState start() const {
    PipelineState state;
    const LinearWeights table = source_.token_table();
    if (observes_) state.hidden = observed_.embed(table);
    if (needs_original()) {
      state.original = AlignedBuffer<float>(original_values());
      std::ranges::copy(observed_.embed(table), state.original.begin());
      std::ranges::copy(others_.embed(table), state.original.begin() + observed_.hidden_values());
    }
    state.probe_reference = probe_.embed(table);
    state.probe_quantized = stored_probe();
    return state;
  }

  void check_resumable(const PipelineState& state) const {
    const int64_t layers = source_.config().num_layers;
    const size_t hidden = observed_.hidden_values(), probe = probe_.hidden_values();
    // While it is tuned, nothing enters a block any more.
    const bool enters = state.tuning.values.empty();
    if (state.next_layer >= 0 && state.next_layer <= layers && state.hidden.size() == (enters ? hidden : 0) &&
        state.original.size() == (needs_original() ? original_values() : 0) &&
        state.probe_reference.size() == probe && state.probe_quantized.size() == probe) {
      return;
    }
    throw Error(
        ErrorKind::kUsage, "resume",
        fmt::format(
            "state of block {} with {}, {} and {} values, expected at most {} blocks with {}, {} and {}",
            state.next_layer, state.hidden.size(), state.probe_reference.size(), state.probe_quantized.size(),
            layers, hidden, probe, probe));
  }

  int64_t tuning_steps() const { return recipe_.tuning_steps(); }

  // All blocks are in `sink`.
  Tuner tuner(const PipelineState& state, const BlockSink& sink, const Windows& windows) const {
    TuningProblem problem{.source = source_,
                          .windows = windows,
                          .teacher = state.original.data(),
                          .blocks = {},
                          .dtype = dtype()};
    for (int64_t layer = 0; layer < source_.config().num_layers; ++layer)
      problem.blocks.push_back(sink.get(layer));
    return {std::move(problem), {.steps = tuning_steps()}, backend_};
  }

  // Hands over the blocks as tuning left them, and sends the probe through them again.
  void finish(const Tuner& tuner, BlockSink& sink, PipelineState& state) {
    state.probe_reference = probe_.embed(source_.token_table());
    state.probe_quantized = stored_probe();
    state.blocks.clear();
    for (int64_t layer = 0; layer < source_.config().num_layers; ++layer) {
      const QuantizedBlock tuned = tuner.tuned(state.tuning, layer);
      sink.replace(tuned);
      if (probe_.tokens() == 0) continue;
      probe_.run(load_block(backend_, source_, layer), layer, KvType::kFloat, state.probe_reference.data(),
                 nullptr, [] {});
      const Block block = load_stored(backend_, tuned, dtype());
      probe_.run(block, layer, probe_kv_, state.probe_quantized.data(), nullptr, [] {});
      report_block(layer, state);
    }
  }

  // Quantizes block state.next_layer and moves `state` behind it.
  QuantizedBlock next_block(PipelineState& state, BlockProgress& progress) {
    const int64_t layer = state.next_layer;
    observe(layer, state, progress);
    BlockTokens tokens;
    if (needs_original()) {
      tokens = {observed_.window_tokens(), state.hidden.data(), state.original.data()};
    }
    QuantizedBlock quantized = quantizer_.quantize(
        layer, observer_, tokens, state, [&](LinearId id) { progress.step(layer, short_name(id)); },
        [&] { progress.step(layer, "learn"); });
    source_.release_block(layer);
    const bool goes_on = recipe_.sequential() && observed_.tokens() > 0;
    if (goes_on || probe_.tokens() > 0) {
      const Block block = load_stored(backend_, quantized, quantizer_.dtype());
      if (goes_on) {
        observed_.run(block, layer, KvType::kFloat, state.hidden.data(), nullptr,
                      [&] { progress.step(layer, "hand on"); });
      }
      probe_.run(block, layer, probe_kv_, state.probe_quantized.data(), nullptr,
                 [&] { progress.step(layer, "check"); });
      if (probe_.tokens() > 0) report_block(layer, state);
    }
    ++state.next_layer;
    progress.finish_block(state.next_layer);
    return quantized;
  }

 private:
  void report_block(int64_t layer, PipelineState& state) const {
    state.blocks.push_back(
        {layer, output_sqnr_db({state.probe_reference.data(), state.probe_reference.size()},
                               {state.probe_quantized.data(), state.probe_quantized.size()},
                               source_.config().hidden_size)});
  }
  DType dtype() const { return quantizer_.dtype(); }
  // What the result will embed the probe as.
  AlignedBuffer<float> stored_probe() const {
    if (probe_table_.rows > 0) return probe_.embed(probe_table_);
    AlignedBuffer<float> hidden = probe_.embed(source_.token_table());
    round_all(hidden, dtype());
    return hidden;
  }
  // Tokens that statistics are taken of. Tuning gains from each more, statistics hardly do once there are
  // some for every input of the widest layer (SmolLM2: 16,384 and 65,536 end equal), and they cost more.
  int64_t observed_limit() const {
    if (recipe_.tuning_steps() == 0) return std::numeric_limits<int64_t>::max();
    return std::max<int64_t>(16384, 4 * source_.config().intermediate_size);
  }
  size_t original_values() const { return observed_.hidden_values() + others_.hidden_values(); }
  // Runs the block as it is; its packed weights are gone before rounding begins.
  void observe(int64_t layer, PipelineState& state, BlockProgress& progress) {
    observer_.reset();
    if (observed_.tokens() + probe_.tokens() == 0) return;
    const Block block = load_block(backend_, source_, layer);
    const auto after_batch = [&] { progress.step(layer, "calibration"); };
    if (needs_original()) {
      others_.run(block, layer, KvType::kFloat, state.original.data() + observed_.hidden_values(), nullptr,
                  after_batch);
      observed_.run_and_look(block, layer, state.original.data(), originals_, state.hidden.data(), observer_,
                             after_batch);
    } else if (recipe_.sequential()) {
      observed_.look(block, layer, state.hidden.data(), observer_, after_batch);
    } else {
      observed_.run(block, layer, KvType::kFloat, state.hidden.data(), &observer_, after_batch);
    }
    observer_.finish();
    probe_.run(block, layer, KvType::kFloat, state.probe_reference.data(), nullptr,
               [&] { progress.step(layer, "reference"); });
  }

  bool needs_original() const { return recipe_.needs_original(); }

  const WeightSource& source_;
  Backend& backend_;
  BlockQuantizer quantizer_;
  const LayerRecipe& recipe_;
  bool observes_;
  SplitWindows windows_;
  TokenStream observed_;
  TokenStream others_;  // for tuning alone
  TokenStream probe_;
  KvType probe_kv_;
  LinearWeights probe_table_;
  OriginalInputs originals_;
  ActivationObserver observer_;
};

// Calls hooks.checkpoint, but not too often.
class Checkpoints {
 public:
  explicit Checkpoints(const PipelineHooks& hooks) : hooks_(hooks), interval_(hooks.checkpoint_seconds) {}
  void offer(const PipelineState& state) {
    if (!hooks_.checkpoint || Clock::now() - last_ < interval_) return;
    hooks_.checkpoint(state);
    last_ = Clock::now();
  }

 private:
  const PipelineHooks& hooks_;
  std::chrono::duration<double> interval_;
  Clock::time_point last_ = Clock::now();
};

void tune(Pipeline& pipeline, const Windows& windows, BlockSink& sink, PipelineState& state,
          Checkpoints& checkpoints, Progress& progress) {
  state.hidden = {};  // no block needs it any more
  Tuner tuner = pipeline.tuner(state, sink, windows);
  if (!tuner.fits(state.tuning)) state.tuning = tuner.start();
  progress.begin("tune", pipeline.tuning_steps());
  if (state.tuning.step > 0) progress.update(state.tuning.step, "resumed");
  while (state.tuning.step < pipeline.tuning_steps()) {
    const double divergence = tuner.step(state.tuning);
    progress.update(state.tuning.step, fmt::format("KL {:.4f}", divergence));
    checkpoints.offer(state);
  }
  progress.end();
  pipeline.finish(tuner, sink, state);
}

}  // namespace

QuantizeReport quantize_blocks(const WeightSource& source, Backend& backend, const Windows& calibration,
                               const QuantizeOptions& options, BlockSink& sink, Probe* probe,
                               Progress& progress, PipelineHooks hooks) {
  check_options(options);
  Pipeline pipeline(source, backend, calibration, options, probe);
  const bool resumed = hooks.resume.has_value();
  if (resumed) pipeline.check_resumable(*hooks.resume);
  PipelineState state = resumed ? std::move(*hooks.resume) : pipeline.start();

  const int64_t layers = source.config().num_layers;
  BlockProgress block_progress(progress, layers, pipeline.steps_per_layer(), state.next_layer);
  Checkpoints checkpoints(hooks);
  while (state.next_layer < layers) {
    sink.put(pipeline.next_block(state, block_progress));
    checkpoints.offer(state);
  }
  block_progress.end();
  if (pipeline.tuning_steps() > 0) tune(pipeline, calibration, sink, state, checkpoints, progress);

  if (probe != nullptr) {
    probe->reference = std::move(state.probe_reference);
    probe->quantized = std::move(state.probe_quantized);
  }
  QuantizeReport report;
  report.inputs = std::move(state.inputs);
  report.linears = std::move(state.linears);
  report.blocks = std::move(state.blocks);
  report.tuned = pipeline.tuning_steps() > 0;
  report.calibration_tokens = pipeline.calibration_tokens();
  report.resumed = resumed;
  return report;
}

}  // namespace fptq
