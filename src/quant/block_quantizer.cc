#include "quant/block_quantizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "fptq/error.h"
#include "model/shapes.h"
#include "quant/dense_layer.h"
#include "quant/deviation.h"
#include "quant/fold.h"
#include "quant/grid.h"
#include "quant/group_size.h"
#include "quant/input_profile.h"
#include "quant/learned_rounding/learned_rounding.h"
#include "quant/settings.h"
#include "quant/stored.h"
#include "tensor/scheme_name.h"

namespace fptq {
namespace {

constexpr double kDriftStrength = 0.25;  // GPTAQ's

// The norm that can absorb a scale of this input without touching anything else.
std::optional<NormId> absorbing_norm(const InputFacts& facts) {
  if (facts.producer == Producer::kAttentionNorm) return NormId::kAttention;
  if (facts.producer == Producer::kMlpNorm) return NormId::kMlp;
  return std::nullopt;
}

std::string last_name(const std::string& module) {
  return module.substr(module.rfind('.') + 1);
}

// The row of v_proj or up_proj that makes each channel of an input: a channel of a query head comes from the
// key-value head that it shares. None where a norm makes them.
std::vector<int32_t> rows_that_make(Producer producer, const ModelConfig& config) {
  std::vector<int32_t> rows;
  if (producer == Producer::kUpProj) {
    rows.resize(static_cast<size_t>(config.intermediate_size));
    std::iota(rows.begin(), rows.end(), 0);
  } else if (producer == Producer::kVProj) {
    const int64_t group = config.num_heads / config.num_kv_heads;
    for (int64_t head = 0; head < config.num_heads; ++head) {
      for (int64_t d = 0; d < config.head_dim; ++d) {
        rows.push_back(static_cast<int32_t>(head / group * config.head_dim + d));
      }
    }
  }
  return rows;
}

const ActivationPlan& plan_of(std::span<const ActivationPlan> plans, InputId input) {
  return plans[static_cast<size_t>(input)];
}

// What the rows of a layer are divided by, because the input that they make is equalized; empty: nothing.
std::vector<float> row_divisor(LinearId id, std::span<const ActivationPlan> plans,
                               const ModelConfig& config) {
  std::vector<float> divisor;
  for (const InputId input : kAllInputs) {
    const Producer producer = input_facts(input).producer;
    const bool made_here = (producer == Producer::kVProj && id == LinearId::kV) ||
                           (producer == Producer::kUpProj && id == LinearId::kUp);
    const std::vector<float>& scales = plan_of(plans, input).equalization;
    if (!made_here || scales.empty()) continue;
    const std::vector<int32_t> rows = rows_that_make(producer, config);
    divisor.resize(static_cast<size_t>(*std::ranges::max_element(rows)) + 1);
    for (size_t j = 0; j < rows.size(); ++j) divisor[static_cast<size_t>(rows[j])] = scales[j];
  }
  return divisor;
}

InputDecision describe(int64_t layer, const InputFacts& facts, const ActivationStatistics& statistics,
                       const ActivationPlan& plan) {
  InputDecision d;
  d.layer = layer;
  d.input = facts.name;
  for (const LinearId id : facts.consumers) d.consumers.push_back(module_name(layer, id));
  d.v = plan.v;
  d.equalized = !plan.equalization.empty();
  d.activation = plan.spec.mode == ActivationMode::kFloat          ? "float"
                 : plan.spec.mode == ActivationMode::kStaticTensor ? "static"
                                                                   : "token";
  d.scale = plan.spec.scale;
  d.reason = plan.reason;
  d.profile = input_profile(statistics, plan.equalization);
  return d;
}

}  // namespace

BlockQuantizer::BlockQuantizer(const WeightSource& source, ThreadPool& pool, const QuantizeOptions& options)
    : source_(source),
      pool_(pool),
      options_(options),
      recipe_(options, source.config()),
      range_{find_range_observer(options.observer), options.percentile},
      dtype_(resolve_output_dtype(options, source.config())) {}

QuantizedBlock BlockQuantizer::quantize(int64_t layer, const ActivationObserver& observer,
                                        const BlockTokens& tokens, PipelineState& state,
                                        const std::function<void(LinearId)>& after_matrix,
                                        const std::function<void()>& after_iteration) const {
  const Originals originals = read(layer);
  QuantizedBlock block;
  block.layer = layer;
  Plans plans;
  for (const InputId id : kAllInputs) {
    const InputFacts& facts = input_facts(id);
    ActivationPlan& plan = plans[static_cast<size_t>(id)];
    plan = decide(layer, facts, observer.of(id), originals);
    state.inputs.push_back(describe(layer, facts, observer.of(id), plan));
  }
  block.attention_norm = norm(layer, NormId::kAttention, plan_of(plans, InputId::kAttention).equalization);
  block.mlp_norm = norm(layer, NormId::kMlp, plan_of(plans, InputId::kMlp).equalization);

  std::array<std::vector<float>, kAllLinears.size()> divisors;
  std::vector<WeightRows> weights;
  for (const LinearId id : kAllLinears) {
    const auto i = static_cast<size_t>(id);
    divisors[i] = row_divisor(id, plans, source_.config());
    weights.emplace_back(originals[i], plan_of(plans, input_of(id)).equalization,
                         where(module_name(layer, id) + ".weight"), divisors[i]);
  }
  for (const InputId input : kAllInputs) {
    const ActivationPlan& plan = plan_of(plans, input);
    CurvaturesOfInput curvatures;
    for (const LinearId id : input_facts(input).consumers) {
      const auto i = static_cast<size_t>(id);
      if (recipe_.ignores(layer, id)) {
        block.linears.push_back(dense_layer(weights[i], dtype_, pool_));
      } else {
        const Curvature* of_input = curvature(layer, id, observer.of(input), plan, curvatures);
        block.linears.push_back(solve(layer, id, weights[i], plan, of_input, observer.of(input).sample));
      }
      after_matrix(id);
    }
  }
  if (recipe_.iterations(layer) > 0) learn(layer, tokens, weights, plans, block, after_iteration);
  for (const LinearId id : kAllLinears) {
    const auto i = static_cast<size_t>(id);
    state.linears.push_back(report(layer, id, weights[i], block.linears[i]));
  }
  return block;
}

void BlockQuantizer::learn(int64_t layer, const BlockTokens& tokens, std::span<const WeightRows> weights,
                           const Plans& plans, QuantizedBlock& block,
                           const std::function<void()>& after_iteration) const {
  const AlignedBuffer<float> attention_norm = rounded(block.attention_norm, dtype_),
                             mlp_norm = rounded(block.mlp_norm, dtype_);
  RoundingProblem problem{.config = source_.config(),
                          .layer = layer,
                          .weights = weights,
                          .initial = block.linears,
                          .attention_norm = {attention_norm.data(), attention_norm.size()},
                          .mlp_norm = {mlp_norm.data(), mlp_norm.size()},
                          .activations = {},
                          .windows = tokens.windows,
                          .inputs = tokens.inputs,
                          .targets = tokens.targets};
  for (const InputId input : kAllInputs) {
    problem.activations[static_cast<size_t>(input)] = plan_of(plans, input).spec;
  }
  RoundingOptions learning;
  learning.iterations = recipe_.iterations(layer);
  LearnedRounding learned =
      learn_rounding(problem, learning, pool_, [&](int64_t, double) { after_iteration(); });
  block.linears = std::move(learned.linears);
}

BlockQuantizer::Originals BlockQuantizer::read(int64_t layer) const {
  Originals originals;
  for (const LinearId id : kAllLinears) {
    LinearWeights& original = originals[static_cast<size_t>(id)];
    original = source_.linear(layer, id);
    if (original.spec.dense()) continue;
    throw Error(ErrorKind::kBadModel, where(module_name(layer, id)),
                fmt::format("is quantized to {} bits already, expected floating weights", original.spec.bits),
                "quantize the original model");
  }
  return originals;
}

WeightSpec BlockQuantizer::spec_of(int64_t layer, LinearId id) const {
  return weight_spec(recipe_.options(layer, id), linear_shape(source_.config(), id).cols);
}

// Of layers that read one input: the one that rounds most, which an equalization must help first.
WeightSpec BlockQuantizer::coarsest(int64_t layer, std::span<const LinearId> ids) const {
  const auto reach = [](const WeightSpec& s) {
    return s.group_size == 0 ? std::numeric_limits<int64_t>::max() : s.group_size;
  };
  WeightSpec coarsest = spec_of(layer, ids.front());
  for (const LinearId id : ids) {
    const WeightSpec spec = spec_of(layer, id);
    if (std::pair(spec.bits, -reach(spec)) < std::pair(coarsest.bits, -reach(coarsest))) coarsest = spec;
  }
  return coarsest;
}

ActivationPlan BlockQuantizer::decide(int64_t layer, const InputFacts& facts,
                                      const ActivationStatistics& statistics,
                                      const Originals& originals) const {
  check_finite(statistics, where(fmt::format("layer {} {}", layer, facts.name)));
  const std::vector<LinearId> readers = recipe_.quantized(layer, facts.id);
  if (readers.empty()) {
    return {.spec = {}, .equalization = {}, .v = statistics.max(), .reason = "the recipe ignores its layers"};
  }
  const QuantizeOptions& options = recipe_.options(layer, readers.front());  // they agree about the input
  std::vector<WeightRows> consumers;
  for (const LinearId id : readers) {
    consumers.emplace_back(originals[static_cast<size_t>(id)], std::span<const float>(),
                           where(module_name(layer, id) + ".weight"));
  }
  const std::vector<int32_t> producer_rows = rows_that_make(facts.producer, source_.config());
  ActivationContext context{.statistics = statistics};
  if (const auto norm = absorbing_norm(facts)) context.norm = last_name(norm_module_name(layer, *norm));
  context.producer_rows = producer_rows;
  context.consumers = consumers;
  context.weights = coarsest(layer, readers);
  context.static_threshold = options.static_threshold;
  context.dynamic_threshold = options.dynamic_threshold;
  context.scale_dtype = dtype_;
  context.pool = &pool_;
  context.form = activation_form(options);
  context.input = find_scheme(options.scheme).input;
  context.range = range_;
  context.alpha = options.alpha;
  ActivationPlan plan = method_of(options).plan_activation(context);
  hold(context, plan);
  return plan;
}

Tensor BlockQuantizer::norm(int64_t layer, NormId id, std::span<const float> scales) const {
  return fold_norm(source_.norm(layer, id), scales, dtype_, where(norm_module_name(layer, id) + ".weight"));
}

const Curvature* BlockQuantizer::curvature(int64_t layer, LinearId id, const ActivationStatistics& seen,
                                           const ActivationPlan& plan, CurvaturesOfInput& known) const {
  const QuantizeOptions& options = recipe_.options(layer, id);
  const StatisticsNeeds needs = statistics_needs(options);
  if (!needs.moment) return nullptr;
  const Regularization& by = method_of(options).regularization;
  for (const KnownCurvature& k : known) {
    if (k.drift == needs.drift && k.by == by) return &k.curvature;
  }
  const std::string name = where(fmt::format("layer {} {}", layer, input_facts(input_of(id)).name));
  Curvature& made = known
                        .emplace_back(KnownCurvature{
                            needs.drift, by,
                            Curvature(pool_, seen.width(), std::span(seen.moment.data(), seen.moment.size()),
                                      plan.equalization, by, name)})
                        .curvature;
  if (needs.drift) {
    made.aim(pool_, std::span(seen.drift.data(), seen.drift.size()), plan.equalization, kDriftStrength);
  }
  return &made;
}

LinearWeights BlockQuantizer::solve(int64_t layer, LinearId id, const WeightRows& weights,
                                    const ActivationPlan& plan, const Curvature* curvature,
                                    std::span<const float> sample) const {
  const WeightSpec spec = spec_of(layer, id);
  const Method& method = method_of(recipe_.options(layer, id));
  LinearWeights quantized =
      method.solve({weights, spec, dtype_, curvature, pool_, id, sample, plan.equalization});
  quantized.activation = plan.spec;
  return quantized;
}

LinearReport BlockQuantizer::report(int64_t layer, LinearId id, const WeightRows& weights,
                                    const LinearWeights& quantized) const {
  const Deviation deviation = measure_deviation(weights, quantized, pool_);
  return {.module = module_name(layer, id),
          .bits = quantized.spec.bits,
          .group_size = quantized.spec.group_size,
          .group_size_fell_back =
              !quantized.spec.dense() && group_size(recipe_.options(layer, id), quantized.cols).fell_back,
          .relative_error = deviation.relative_error,
          .sqnr_db = deviation.sqnr_db,
          .form = quantized.spec.dense() ? "" : scheme_name(quantized.spec),
          .weights = quantized.rows * quantized.cols,
          .clipped_share = deviation.clipped_share,
          .smallest_scale = deviation.smallest_scale,
          .largest_scale = deviation.largest_scale};
}

}  // namespace fptq
