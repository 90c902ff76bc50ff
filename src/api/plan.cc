// What quantize() would do: sizes from headers, time from a short measurement of this machine.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "api/bit_budget.h"
#include "api/engine.h"
#include "api/quantize_setup.h"
#include "fptq/quantize.h"
#include "quant/calibration.h"
#include "quant/group_size.h"
#include "quant/method.h"
#include "quant/recipe.h"
#include "quant/settings.h"
#include "tensor/scheme_name.h"

namespace fptq {
namespace {

// Multiply-adds per second that this machine's linear layers reach, in the shape that calibration has.
double measure_macs_per_second(Backend& backend) {
  constexpr int64_t kWidth = 1024, kTokens = 512;
  const std::vector<float> ones(kWidth * kWidth, 1.0f);
  LinearWeights w;
  w.rows = w.cols = kWidth;
  w.weight = Tensor::from_floats({kWidth, kWidth}, ones);
  const auto layer = backend.load_linear(std::move(w));
  const LoadedLinear* layers = layer.get();
  std::vector<float> out(kTokens * kWidth);
  float* y = out.data();
  double best = 0;
  for (int i = 0; i < 6; ++i) {
    const double start = seconds_now();
    backend.linear(std::span(&layers, 1), ones.data(), kTokens, std::span<float* const>(&y, 1));
    best = std::max(best, double(kWidth * kWidth * kTokens) / (seconds_now() - start));
  }
  return best;
}

// Seconds to round one weight on one thread, measured on the demo model; dense matrices of a real one differ
// little.
constexpr double kRoundSeconds = 12e-9;
// Of a batch of learned rounding and of tuning.
constexpr int64_t kLearningTokens = 2048;

}  // namespace

QuantizePlan plan_quantize(const std::string& model, const QuantizeOptions& options) {
  check_options(options);
  const auto pool = make_pool(options.threads);
  const Checkpoint checkpoint = open_source(model);
  const ModelConfig& config = checkpoint.weights->config();
  QuantizePlan plan;
  plan.family = config.family;
  plan.scheme = options.scheme;
  const Scheme& scheme = find_scheme(options.scheme);
  plan.scheme_summary = scheme.summary;
  if (weight_bits(options) != scheme.weights.bits)
    plan.scheme_summary += fmt::format("; weights in {} bits instead", weight_bits(options));
  if (!options.rules.empty()) plan.scheme_summary += "; some layers as the recipe says";
  if (options.bits_per_weight)
    plan.scheme_summary +=
        fmt::format("; more bits where they help, {:g} together", *options.bits_per_weight);
  plan.layers = config.num_layers;
  plan.source_bytes = dense_bytes(config);
  const LayerRecipe recipe(options, config);
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    for (const LinearId id : kAllLinears) {
      const auto [rows, cols] = linear_shape(config, id);
      QuantizePlan::Matrix& matrix =
          plan.matrices.emplace_back(QuantizePlan::Matrix{module_name(layer, id), rows, cols});
      if (recipe.ignores(layer, id)) continue;
      const GroupSize group = group_size(recipe.options(layer, id), cols);
      matrix.bits = weight_bits(recipe.options(layer, id));
      matrix.group_size = group.size;
      matrix.group_size_fell_back = group.fell_back;
      matrix.form = scheme_name(weight_spec(recipe.options(layer, id), cols));
    }
  }
  const DType dtype = resolve_output_dtype(options, config);
  const int64_t per_layer = block_weights(config), all_layers = config.num_layers * per_layer;
  plan.parameters = all_layers + dense_weights(config);
  plan.output_bytes = output_bytes(config, options, dtype);
  plan.bits_per_weight = bits_per_weight(config, options, dtype);
  int64_t sensitivity_tokens = 0;
  if (options.bits_per_weight) {
    sensitivity_tokens = check_bit_budget(options, config, dtype);
    // The matrices are listed as they are before any gets more.
    const double more = std::max(0.0, *options.bits_per_weight - plan.bits_per_weight);
    plan.output_bytes += static_cast<uint64_t>(more / 8.0 * static_cast<double>(all_layers));
    plan.bits_per_weight += more;
  }
  if (scheme.warning != nullptr) plan.warnings.emplace_back(scheme.warning);

  const bool calibrates = recipe.needs_calibration();
  const CalibrationOptions calibration = calibration_options(options);
  plan.calibration_tokens = calibrates ? windows_wanted(calibration) * calibration.seqlen : 0;
  const int64_t probe_tokens = options.evaluate ? kProbeTokens : 0;
  // While blocks pass: streams of hidden states, one block in float and as integers, the buffers of a batch
  // of tokens.
  const int64_t streams = plan.calibration_tokens + 2 * probe_tokens;
  const int64_t batch_floats =
      2048 * (2 * config.intermediate_size + 4 * config.hidden_size + 2 * config.q_size());
  const int64_t blocks_bytes = 4 * streams * config.hidden_size + 6 * per_layer + 4 * batch_floats;
  // Behind the last one: the head in float and the logits of a few rows of both models, then the tables being
  // converted.
  const int64_t table_bytes = 4 * config.vocab_size * config.hidden_size;
  const int64_t end_bytes =
      8 * probe_tokens * config.hidden_size + table_bytes + 2 * 128 * 4 * config.vocab_size;
  // Tuning: the hidden states of a batch at every block, the head and logits, the original's states, and
  // three floats for every scale.
  const int64_t tuning_bytes =
      recipe.tuning_steps() == 0
          ? 0
          : 4 * ((config.num_layers + 3) * kLearningTokens + plan.calibration_tokens) * config.hidden_size +
                4 * batch_floats + 6 * per_layer + table_bytes + 2 * 256 * 4 * config.vocab_size +
                12 * all_layers / std::max<int64_t>(1, wanted_group_size(options));
  // The model as it runs, and what it remembers of the text that it writes, 32 windows at a time.
  const bool writes = calibrates && calibration.source == kOwnText;
  const int64_t writing_bytes =
      writes ? 4 * plan.parameters + 2 * 2 * 32 * calibration.seqlen * config.num_layers * config.kv_size()
             : 0;
  // Hidden states at every block, the head, a block's weights, gradients and their squares.
  const int64_t sensitivity_bytes =
      sensitivity_tokens == 0
          ? 0
          : 4 * (config.num_layers + 3) * sensitivity_tokens * config.hidden_size + table_bytes +
                4 * 256 * config.vocab_size + 4 * batch_floats + 12 * per_layer;
  plan.memory_bytes = static_cast<uint64_t>(
      std::max({blocks_bytes, end_bytes, tuning_bytes, writing_bytes, sensitivity_bytes}) +
      (int64_t{160} << 20));
  const double rate = measure_macs_per_second(*make_cpu_backend(*pool));
  const auto head_weights = static_cast<double>(config.vocab_size * config.hidden_size);
  const auto weights = static_cast<double>(all_layers);
  const double passes = (recipe.sequential() ? 1.0 : 0.0) + (recipe.needs_original() ? 1.0 : 0.0);
  double macs =
      weights * (static_cast<double>(streams) + passes * static_cast<double>(plan.calibration_tokens)) +
      2.0 * static_cast<double>(probe_tokens) * head_weights;
  // Forward twice, and gradients of inputs and weights.
  macs += static_cast<double>(sensitivity_tokens) * (4.0 * weights + 2.0 * head_weights);
  // The same; learned rounding keeps what the first pass computed.
  macs += static_cast<double>(recipe.tuning_steps() * kLearningTokens) * (4.0 * weights + 3.0 * head_weights);
  for (int64_t layer = 0; layer < config.num_layers; ++layer)
    macs += static_cast<double>(recipe.iterations(layer) * kLearningTokens * per_layer) * 3.0;
  plan.seconds = macs / rate + weights * kRoundSeconds / pool->threads();
  return plan;
}

}  // namespace fptq
