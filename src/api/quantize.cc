#include "fptq/quantize.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/bit_budget.h"
#include "api/engine.h"
#include "api/evaluation_text.h"
#include "api/kv_names.h"
#include "api/make_calibration.h"
#include "api/model_card.h"
#include "api/quantize_setup.h"
#include "api/resume_state.h"
#include "eval/score_book.h"
#include "formats/compressed_tensors_writer.h"
#include "fptq/error.h"
#include "fptq/report.h"
#include "quant/calibration.h"
#include "quant/method.h"
#include "quant/pipeline.h"
#include "quant/quantized_head.h"
#include "quant/recipe.h"
#include "quant/settings.h"

namespace fptq {
namespace {

// Blocks on their way from the pipeline into part files.
class WriterSink final : public BlockSink {
 public:
  explicit WriterSink(CompressedTensorsWriter& writer) : writer_(writer) {}
  void put(const QuantizedBlock& block) override {
    writer_.put_block(block.layer, block.linears, block.attention_norm, block.mlp_norm);
  }
  QuantizedBlock get(int64_t layer) const override {
    StoredBlock stored = writer_.block(layer);
    return {layer, std::move(stored.linears), std::move(stored.attention_norm), std::move(stored.mlp_norm)};
  }
  void replace(const QuantizedBlock& block) override {
    writer_.replace_block(block.layer, block.linears, block.attention_norm, block.mlp_norm);
  }

 private:
  CompressedTensorsWriter& writer_;
};

// The held-out windows of the evaluation that runs along; none when the options ask for none.
Probe make_probe(const Checkpoint& source, const QuantizeOptions& options) {
  Probe probe;
  if (!options.evaluate) return probe;
  const std::vector<int32_t> ids = evaluation_tokens(*source.tokenizer, options.eval_text, kProbeTokens);
  const int64_t ctx = std::min({std::ssize(ids), kProbeCtx, source.weights->config().max_position});
  if (ctx < 2)
    throw Error(ErrorKind::kBadModel, source.path.string(), "was made for 1 token, at least 2 are needed");
  probe.windows = whole_windows(ids, ctx);
  probe.quantized_kv = kv_type(options.kv, source);
  return probe;
}

struct ProbeResult {
  EvalResult evaluation;
  std::optional<double> head_kl;
};

// Logits of both streams in pieces, through the source's head or, where there is one, the quantized.
ProbeResult evaluate_probe(const Probe& probe, const WeightSource& source,
                           const std::optional<LinearWeights>& quantized_head, Backend& backend,
                           Progress& progress) {
  const ModelConfig& config = source.config();
  const int64_t width = config.hidden_size, vocab = config.vocab_size;
  const AlignedBuffer<float> gamma = source.final_norm().to_floats();
  const auto head = backend.load_linear(source.head());
  const auto new_head = quantized_head ? backend.load_linear(*quantized_head) : nullptr;
  constexpr int64_t kRows = 128;
  AlignedBuffer<float> normed(static_cast<size_t>(kRows * width)), logits(static_cast<size_t>(kRows * vocab)),
      reference(static_cast<size_t>(kRows * vocab));
  const auto to_logits = [&](const LoadedLinear* layer, const float* hidden, int64_t rows, float* out) {
    backend.rms_norm(hidden, gamma, config.rms_norm_eps, rows, normed.data());
    backend.linear(std::span(&layer, 1), normed.data(), rows, std::span<float* const>(&out, 1));
  };
  EvalResult result;
  result.ctx = std::ssize(probe.windows.front());
  result.tokens = result.ctx * std::ssize(probe.windows);
  ScoreBook book(backend.pool(), vocab), head_book(backend.pool(), vocab);
  progress.begin("evaluate", result.tokens);
  int64_t row = 0;
  for (const std::vector<int32_t>& window : probe.windows) {
    std::vector<int32_t> next(window.begin() + 1, window.end());
    next.push_back(-1);
    for (int64_t begin = 0; begin < std::ssize(window); begin += kRows) {
      const int64_t rows = std::min(kRows, std::ssize(window) - begin);
      const std::span<const int32_t> follows =
          std::span<const int32_t>(next).subspan(static_cast<size_t>(begin), static_cast<size_t>(rows));
      const auto name = [&](int64_t i) { return fmt::format("held-out token {}", row + i); };
      to_logits(new_head ? new_head.get() : head.get(), probe.quantized.data() + row * width, rows,
                logits.data());
      to_logits(head.get(), probe.reference.data() + row * width, rows, reference.data());
      book.add(logits.data(), reference.data(), follows, name);
      if (new_head) {
        to_logits(new_head.get(), probe.reference.data() + row * width, rows, logits.data());
        head_book.add(logits.data(), reference.data(), follows, name);
      }
      row += rows;
      progress.update(row, "held-out text");
    }
  }
  progress.end();
  book.fill(result);
  ProbeResult both{std::move(result), std::nullopt};
  if (new_head) {
    EvalResult of_head;
    head_book.fill(of_head);
    both.head_kl = of_head.kl->mean;
  }
  return both;
}

}  // namespace

QuantizeReport quantize(const std::string& model, const std::string& output, const QuantizeOptions& asked,
                        Progress& progress) {
  const double start = seconds_now();
  check_options(asked);
  const auto pool = make_pool(asked.threads);
  const Checkpoint source = open_source(model);
  const WeightSource& weights = *source.weights;
  const auto backend = make_cpu_backend(*pool);
  if (asked.bits_per_weight)
    check_bit_budget(asked, weights.config(), resolve_output_dtype(asked, weights.config()));
  CalibrationData calibration;
  if (LayerRecipe(asked, weights.config()).needs_calibration()) {
    calibration = make_calibration(source, calibration_options(asked), *pool, progress);
  } else if (asked.bits_per_weight) {
    calibration = make_calibration(source, bit_budget_calibration(asked), *pool, progress);
  }
  const QuantizeOptions options = within_bit_budget(asked, source, calibration.windows, *backend, progress);
  const LayerRecipe recipe(options, weights.config());
  Probe probe = make_probe(source, options);

  WriterOptions writing;
  writing.dtype = resolve_output_dtype(options, weights.config());
  writing.kv = kv_type(options.kv, source);
  writing.overwrite = options.overwrite;
  writing.fingerprint = run_fingerprint(source, options, calibration.windows);
  const uint64_t expected = output_bytes(weights.config(), options, writing.dtype);
  CompressedTensorsWriter writer(output, source, writing, expected);

  PipelineHooks hooks;
  hooks.checkpoint = [&](const PipelineState& state) {
    save_state(writer.partial_folder(), state, weights.config().hidden_size);
  };
  hooks.resume = load_state(writer.partial_folder());
  if (hooks.resume && hooks.resume->next_layer > writer.finished_blocks()) hooks.resume.reset();
  writer.drop_from(hooks.resume ? hooks.resume->next_layer : 0);

  std::optional<LinearWeights> embedding;
  LinearReport embedding_report;
  if (const std::optional<WeightSpec> spec = embedding_form(weights.config(), options)) {
    embedding = quantize_embedding(weights, *spec, writing.dtype, *pool, embedding_report);
    probe.quantized_table = *embedding;
  }

  WriterSink sink(writer);
  QuantizeReport report = quantize_blocks(weights, *backend, calibration.windows, options, sink,
                                          options.evaluate ? &probe : nullptr, progress, std::move(hooks));
  report.warnings = source.warnings;
  report.warnings.insert(report.warnings.end(), calibration.warnings.begin(), calibration.warnings.end());
  if (const auto blocks = recipe.blocks_kept_from_learning(); !blocks.empty()) {
    report.warnings.push_back(fmt::format(
        "rounding was not learned in {} of {} blocks (the first is {}): not all of their layers are integers "
        "of a method that learns",
        blocks.size(), weights.config().num_layers, blocks.front()));
  }
  report.source = model;
  report.method = options.method;
  report.scheme = options.scheme;
  if (const char* warning = find_scheme(options.scheme).warning) report.warnings.emplace_back(warning);
  if (embedding) report.linears.push_back(std::move(embedding_report));
  std::optional<LinearWeights> head;
  if (const std::optional<WeightSpec> spec = head_form(weights.config(), options)) {
    head = quantize_head(weights, *spec, writing.dtype, *pool, report.linears.emplace_back());
  }
  if (options.evaluate) {
    ProbeResult measured = evaluate_probe(probe, weights, head, *backend, progress);
    report.evaluation = std::move(measured.evaluation);
    report.head_kl = measured.head_kl;
    report.evaluation->model = output;
    report.evaluation->reference = model;
    report.evaluation->text = evaluation_text_name(options.eval_text);
  }
  report.source_bytes = dense_bytes(weights.config());
  report.bits_per_weight = bits_per_weight(weights.config(), options, writing.dtype);
  if (head) writer.put_head(std::move(*head));
  if (embedding) writer.put_embedding(std::move(*embedding));
  remove_state(writer.partial_folder());
  report.output_bytes = writer.finish(model_card(source, options, report),
                                      recipe_json(options, weights.config(), report), report_file(report));
  report.seconds = seconds_now() - start;
  report.peak_rss_bytes = peak_rss_bytes();
  if (report.evaluation) report.evaluation->peak_rss_bytes = report.peak_rss_bytes;
  return report;
}

}  // namespace fptq
