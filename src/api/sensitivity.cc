#include "fptq/sensitivity.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "api/engine.h"
#include "api/evaluation_text.h"
#include "api/make_calibration.h"
#include "api/quantize_setup.h"
#include "eval/perplexity.h"
#include "eval/score_book.h"
#include "quant/block_quantizer.h"
#include "quant/calibration.h"
#include "quant/settings.h"
#include "quant/stored.h"
#include "quant/token_stream.h"

namespace fptq {
namespace {

using Windows = TokenWindows;

// Non-overlapping windows of the text.
Windows windows_of(const Checkpoint& source, const SensitivityOptions& options, int64_t& ctx) {
  const std::vector<int32_t> ids = evaluation_tokens(*source.tokenizer, options.text, options.max_tokens);
  ctx = std::min(window_length(options.ctx, 512, source.weights->config().max_position), std::ssize(ids));
  return whole_windows(ids, ctx);
}

// The unquantized model's blocks and head, and what they say about the text.
class Original {
 public:
  Original(const WeightSource& source, Backend& backend, const Windows& windows)
      : source_(source),
        backend_(backend),
        stream_(backend, source.config(), windows, "text"),
        head_(backend.load_linear(source.head())),
        gamma_(source.final_norm().to_floats()) {
    for (int64_t layer = 0; layer < layers(); ++layer) blocks_.push_back(load_block(backend, source, layer));
    entering_ = stream_.embed(source.token_table());
    reference_ = AlignedBuffer<float>(static_cast<size_t>(stream_.tokens() * source.config().vocab_size));
    AlignedBuffer<float> hidden = copy(entering_);
    pass(hidden, 0);
    for_each_piece(hidden, [&](int64_t row, const float* logits, int64_t count) {
      std::copy_n(logits, count * vocabulary(), reference_.data() + row * vocabulary());
    });
  }

  int64_t layers() const { return source_.config().num_layers; }
  int64_t tokens() const { return stream_.tokens(); }
  const Block& block(int64_t layer) const { return blocks_[static_cast<size_t>(layer)]; }

  // Mean divergence of the model that has `replaced` in the place of block `layer`.
  double divergence(const Block& replaced, int64_t layer) {
    AlignedBuffer<float> hidden = copy(entering_);
    stream_.run(replaced, layer, KvType::kFloat, hidden.data(), nullptr, [] {});
    pass(hidden, layer + 1);
    ScoreBook book(backend_.pool(), vocabulary());
    for_each_piece(hidden, [&](int64_t row, const float* logits, int64_t count) {
      // The mean covers all positions; what follows them does not matter to it.
      const std::vector<int32_t> next(static_cast<size_t>(count), 0);
      book.add(logits, reference_.data() + row * vocabulary(), next,
               [&](int64_t i) { return fmt::format("block {}, token {}", layer, row + i); });
    });
    EvalResult result;
    book.fill(result);
    return result.kl->mean;
  }
  // The text enters the block behind `layer`.
  void advance(int64_t layer) {
    stream_.run(block(layer), layer, KvType::kFloat, entering_.data(), nullptr, [] {});
  }

 private:
  int64_t vocabulary() const { return source_.config().vocab_size; }
  static AlignedBuffer<float> copy(const AlignedBuffer<float>& from) {
    AlignedBuffer<float> to(from.size());
    std::ranges::copy(from, to.begin());
    return to;
  }
  void pass(AlignedBuffer<float>& hidden, int64_t first) {
    for (int64_t layer = first; layer < layers(); ++layer)
      stream_.run(block(layer), layer, KvType::kFloat, hidden.data(), nullptr, [] {});
  }
  // Logits of up to so many rows at a time.
  template <typename Use>
  void for_each_piece(const AlignedBuffer<float>& hidden, const Use& use) {
    constexpr int64_t kRows = 128;
    const int64_t width = source_.config().hidden_size;
    AlignedBuffer<float> normed(static_cast<size_t>(kRows * width)),
        logits(static_cast<size_t>(kRows * vocabulary()));
    const LoadedLinear* head = head_.get();
    float* out = logits.data();
    for (int64_t row = 0; row < tokens(); row += kRows) {
      const int64_t rows = std::min(kRows, tokens() - row);
      backend_.rms_norm(hidden.data() + row * width, gamma_, source_.config().rms_norm_eps, rows,
                        normed.data());
      backend_.linear(std::span(&head, 1), normed.data(), rows, std::span<float* const>(&out, 1));
      use(row, logits.data(), rows);
    }
  }

  const WeightSource& source_;
  Backend& backend_;
  TokenStream stream_;
  std::unique_ptr<LoadedLinear> head_;
  AlignedBuffer<float> gamma_;
  std::vector<Block> blocks_;
  AlignedBuffer<float> entering_;   // the text's states at the block in turn
  AlignedBuffer<float> reference_;  // logits
};

// The calibration tokens on their way through the unquantized model.
class Calibration {
 public:
  Calibration(const WeightSource& source, Backend& backend, const LayerRecipe& recipe, const Windows& windows)
      : needs_original_(recipe.needs_original()),
        stream_(backend, source.config(), windows, "calibration"),
        observer_(backend.pool(), recipe.statistics(), stream_.tokens(), &originals_) {
    if (stream_.tokens() > 0) hidden_ = stream_.embed(source.token_table());
  }

  const ActivationObserver& observer() const { return observer_; }
  BlockTokens tokens() const {
    if (!needs_original_) return {};
    return {stream_.window_tokens(), entered_.data(), hidden_.data()};
  }
  void pass(const Block& block, int64_t layer) {
    observer_.reset();
    if (stream_.tokens() == 0) return;
    if (needs_original_) {
      entered_ = AlignedBuffer<float>(hidden_.size());
      std::ranges::copy(hidden_, entered_.begin());
      stream_.run_and_look(block, layer, hidden_.data(), originals_, entered_.data(), observer_, [] {});
    } else {
      stream_.run(block, layer, KvType::kFloat, hidden_.data(), &observer_, [] {});
    }
    observer_.finish();
  }

 private:
  bool needs_original_;
  TokenStream stream_;
  OriginalInputs originals_;
  ActivationObserver observer_;
  AlignedBuffer<float> hidden_, entered_;
};

// The same run with one layer of a block alone.
QuantizeOptions alone(const QuantizeOptions& options, int64_t layer, LinearId id) {
  QuantizeOptions one = options;
  RecipeRule& rule = one.rules.emplace_back();
  rule.ignore = true;
  for (const LinearId other : kAllLinears) {
    if (other != id) rule.targets.push_back(module_name(layer, other));
  }
  return one;
}

double stored_bits(const LinearWeights& w) {
  const size_t bytes = w.codes.bytes().size() + w.scales.bytes().size() + w.nested.absmax.bytes().size();
  // compressed-tensors packs zero points like codes.
  const double zeros = w.spec.symmetric ? 0 : static_cast<double>(w.rows * w.groups() * w.spec.bits);
  return (8.0 * static_cast<double>(bytes) + zeros) / static_cast<double>(w.rows * w.cols);
}

}  // namespace

SensitivityResult measure_sensitivity(const std::string& model, const SensitivityOptions& options,
                                      Progress& progress) {
  const double start = seconds_now();
  check_options(options.quantize);
  const auto pool = make_pool(options.threads);
  const Checkpoint source = open_source(model);
  const WeightSource& weights = *source.weights;
  const LayerRecipe recipe(options.quantize, weights.config());
  CalibrationData calibration;
  if (recipe.needs_calibration())
    calibration = make_calibration(source, calibration_options(options.quantize), *pool, progress);
  SensitivityResult result;
  result.model = model;
  result.text = evaluation_text_name(options.text);
  result.method = options.quantize.method;
  result.scheme = options.quantize.scheme;
  const Windows windows = windows_of(source, options, result.ctx);
  result.tokens = result.ctx * std::ssize(windows);

  const auto backend = make_cpu_backend(*pool);
  Original original(weights, *backend, windows);
  Calibration seen(weights, *backend, recipe, calibration.windows);
  progress.begin("sensitivity", original.layers() * std::ssize(kAllLinears));
  int64_t done = 0;
  for (int64_t layer = 0; layer < original.layers(); ++layer) {
    seen.pass(original.block(layer), layer);
    for (const LinearId id : kAllLinears) {
      progress.update(++done, module_name(layer, id));
      if (recipe.ignores(layer, id)) continue;
      const QuantizeOptions one = alone(options.quantize, layer, id);
      const BlockQuantizer quantizer(weights, *pool, one);
      PipelineState unused;
      const QuantizedBlock block = quantizer.quantize(
          layer, seen.observer(), seen.tokens(), unused, [](LinearId) {}, [] {});
      const LinearWeights& quantized = block.linears[static_cast<size_t>(id)];
      result.layers.push_back(
          {.module = module_name(layer, id),
           .weights = quantized.rows * quantized.cols,
           .bits_per_weight = stored_bits(quantized),
           .kl = original.divergence(load_stored(*backend, block, quantizer.dtype()), layer)});
    }
    original.advance(layer);
  }
  progress.end();
  result.seconds = seconds_now() - start;
  return result;
}

}  // namespace fptq
