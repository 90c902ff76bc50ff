#include "quant/tuning/tuner.h"

#include <algorithm>
#include <utility>

#include "model/layout.h"
#include "quant/block_pass/row_ops.h"
#include "quant/grid.h"
#include "quant/stored.h"
#include "quant/tuning/adam.h"

namespace fptq {
namespace {

// Steps until the rate is whole: Adam's averages know little before.
constexpr int64_t kWarmUp = 5;
constexpr int64_t kRows = 16;  // of a matrix that a thread takes at a time

std::vector<TokenWindow> windows_of(const std::vector<std::vector<int32_t>>& texts) {
  std::vector<int64_t> counts;
  for (const std::vector<int32_t>& text : texts) counts.push_back(std::ssize(text));
  return consecutive_windows(counts);
}

std::vector<BlockParameters> lay_out(const std::vector<QuantizedBlock>& blocks) {
  std::vector<BlockParameters> layouts;
  for (const QuantizedBlock& block : blocks)
    layouts.push_back(lay_out_parameters(block, layouts.empty() ? 0 : layouts.back().end));
  return layouts;
}

}  // namespace

Tuner::Tuner(TuningProblem problem, const TuningOptions& options, Backend& backend)
    : problem_(std::move(problem)),
      options_(options),
      backend_(backend),
      layouts_(lay_out(problem_.blocks)),
      windows_(windows_of(problem_.windows)),
      sampler_(windows_, options.seed),
      loss_(problem_.source, options.precision, backend.pool()) {
  const ModelConfig& config = problem_.source.config();
  const int64_t most_tokens =
      std::max(options.batch_tokens, std::ranges::max(windows_, {}, &TokenWindow::count).count);
  const auto values = static_cast<size_t>(most_tokens * config.hidden_size);
  for (size_t i = 0; i <= problem_.blocks.size(); ++i) hidden_.emplace_back(values);
  gradient_ = AlignedBuffer<float>(values);
  batch_.teacher = AlignedBuffer<float>(values);
  norm_gradient_ = AlignedBuffer<float>(static_cast<size_t>(2 * config.hidden_size));
  for (const QuantizedBlock& block : problem_.blocks) {
    for (const LinearWeights& linear : block.linears)
      scale_gradient_.ensure(static_cast<size_t>(linear.rows * linear.groups()));
  }
}

TuningState Tuner::start() const {
  TuningState state;
  state.values = AlignedBuffer<float>(static_cast<size_t>(3 * parameters()));
  state.values.zero();
  return state;
}

bool Tuner::fits(const TuningState& state) const {
  return state.step >= 0 && state.step <= options_.steps && std::ssize(state.values) == 3 * parameters();
}

QuantizedBlock Tuner::tuned(const TuningState& state, int64_t layer) const {
  const auto i = static_cast<size_t>(layer);
  return tuned_block(problem_.blocks[i], layouts_[i], state.values.data(), problem_.dtype, problem_.dtype);
}

float Tuner::rate(int64_t step) const {
  const double left = 1.0 - static_cast<double>(step) / static_cast<double>(options_.steps);
  const double warm = std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(kWarmUp));
  return static_cast<float>(options_.rate * left * warm);
}

// Draws again what a run before this one drew.
void Tuner::draw_up_to(int64_t step) {
  for (; drawn_ < step; ++drawn_) sampler_.next(options_.batch_tokens);
}

void Tuner::gather(std::span<const TokenWindow> drawn) {
  const int64_t width = problem_.source.config().hidden_size;
  const LinearWeights table = problem_.source.token_table();
  batch_.windows.clear();
  batch_.tokens = 0;
  for (const TokenWindow& window : drawn) {
    const int64_t at = batch_.tokens * width;
    const auto text = std::ranges::lower_bound(windows_, window.begin, {}, &TokenWindow::begin);
    backend_.embed(table, problem_.windows[static_cast<size_t>(text - windows_.begin())],
                   hidden_.front().data() + at);
    std::copy_n(problem_.teacher + window.begin * width, window.count * width, batch_.teacher.data() + at);
    batch_.windows.push_back({batch_.tokens, window.count});
    batch_.tokens += window.count;
  }
}

BlockBatch Tuner::batch_at(int64_t layer) const {
  return {.windows = batch_.windows, .inputs = hidden_[static_cast<size_t>(layer)].data()};
}

void Tuner::load(const TuningState& state, int64_t layer) {
  // Steps are shorter than the distance of two numbers in 16 bits: what is stored is rounded at the end.
  const auto index = static_cast<size_t>(layer);
  const QuantizedBlock block =
      tuned_block(problem_.blocks[index], layouts_[index], state.values.data(), DType::kF32, DType::kF32);
  attention_norm_ = block.attention_norm.to_floats();
  mlp_norm_ = block.mlp_norm.to_floats();
  BlockFacts facts{.config = &problem_.source.config(),
                   .layer = layer,
                   .attention_norm = attention_norm_,
                   .mlp_norm = mlp_norm_,
                   .activations = {},
                   .biases = {},
                   .precision = options_.precision};
  for (const LinearId id : kAllLinears) {
    const auto i = static_cast<size_t>(id);
    const LinearWeights& linear = block.linears[i];
    // A dense layer beside quantized ones is taken to read what they read.
    if (!linear.spec.dense()) facts.activations[static_cast<size_t>(input_of(id))] = linear.activation;
    if (!linear.bias) continue;
    biases_[i] = rounded(linear.bias, problem_.dtype);
    facts.biases[i] = biases_[i];
  }
  if (pass_) {
    pass_->move_to(facts);
  } else {
    const int64_t width = problem_.source.config().hidden_size;
    pass_ = std::make_unique<BlockPass>(facts, std::ssize(gradient_) / width, backend_.pool());
  }
  for (const LinearId id : kAllLinears) pass_->set_weights(id, block.linears[static_cast<size_t>(id)]);
  loaded_ = layer;
}

double Tuner::step(TuningState& state) {
  const int64_t layers = std::ssize(problem_.blocks), width = problem_.source.config().hidden_size;
  draw_up_to(state.step);
  gather(sampler_.next(options_.batch_tokens));
  ++drawn_;
  const auto values = static_cast<size_t>(batch_.tokens * width);
  for (int64_t layer = 0; layer < layers; ++layer) {
    load(state, layer);
    std::copy_n(pass_->forward(batch_at(layer)), values, hidden_[static_cast<size_t>(layer + 1)].data());
  }
  const double divergence =
      loss_.evaluate(hidden_.back().data(), batch_.teacher.data(), batch_.tokens, gradient_.data());
  for (int64_t layer = layers - 1; layer >= 0; --layer) {
    // The last one is as its forward pass left it.
    if (layer != loaded_) {
      load(state, layer);
      pass_->forward(batch_at(layer));
    }
    std::copy_n(gradient_.data(), values, pass_->output_gradient());
    const MoreGradients more{gradient_.data(), norm_gradient_.data(), norm_gradient_.data() + width};
    pass_->backward(
        batch_at(layer),
        [&](InputId input, const float* gradient) { update_scales(layer, input, gradient, state); }, &more);
    // That of a factor's logarithm is the weight's times the weight.
    for (int64_t i = 0; i < width; ++i) {
      norm_gradient_[static_cast<size_t>(i)] *= attention_norm_[static_cast<size_t>(i)];
      norm_gradient_[static_cast<size_t>(width + i)] *= mlp_norm_[static_cast<size_t>(i)];
    }
    const BlockParameters& at = layouts_[static_cast<size_t>(layer)];
    update(norm_gradient_.data(), width, at.attention_norm, state);
    update(norm_gradient_.data() + width, width, at.mlp_norm, state);
  }
  loaded_ = -1;
  ++state.step;
  return divergence;
}

void Tuner::update_scales(int64_t layer, InputId input, const float* gradient, TuningState& state) {
  const BlockParameters& at = layouts_[static_cast<size_t>(layer)];
  for (const LinearId id : input_facts(input).consumers) {
    const auto i = static_cast<size_t>(id);
    if (!at.tuned[i]) continue;
    const LinearWeights& linear = problem_.blocks[static_cast<size_t>(layer)].linears[i];
    const int64_t groups = linear.groups(), size = linear.group_size(),
                  first = pass_->first_row(id) * linear.cols;
    const float *weights = pass_->weights(input) + first, *slope = gradient + first;
    backend_.pool().parallel_for(linear.rows, kRows, [&](int64_t begin, int64_t end) {
      for (int64_t g = begin * groups; g < end * groups; ++g)
        scale_gradient_[static_cast<size_t>(g)] = dot(weights + g * size, slope + g * size, size);
    });
    update(scale_gradient_.data(), linear.rows * groups, at.scales[i], state);
  }
}

void Tuner::update(const float* gradient, int64_t count, int64_t at, TuningState& state) const {
  float* values = state.values.data();
  adam_step({rate(state.step), state.step}, gradient, count, values + at, values + parameters() + at,
            values + 2 * parameters() + at);
}

}  // namespace fptq
