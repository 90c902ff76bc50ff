#include "quant/bit_budget/sensitivity.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>

#include "model/shapes.h"
#include "quant/bit_budget/prediction_gradient.h"
#include "quant/block_pass/block_pass.h"
#include "quant/block_pass/window_sampler.h"
#include "quant/round_to_nearest.h"
#include "quant/token_stream.h"
#include "quant/weight_rows.h"

namespace fptq {
namespace {

constexpr int64_t kRows = 16;  // of a matrix that a thread takes at a time

class Sensitivity {
 public:
  Sensitivity(const SensitivityProblem& problem, Backend& backend, Progress& progress)
      : problem_(problem),
        backend_(backend),
        progress_(progress),
        tokens_(backend, config(), problem.windows, "sensitivity"),
        windows_(consecutive_windows(tokens_.window_tokens())) {
    for (const InputId input : kAllInputs) {
      int64_t weights = 0;
      for (const LinearId id : input_facts(input).consumers)
        weights += linear_shape(config(), id).rows * linear_shape(config(), id).cols;
      fisher_[static_cast<size_t>(input)] = AlignedBuffer<float>(static_cast<size_t>(weights));
    }
  }

  std::vector<BlockCosts> run() {
    const int64_t layers = config().num_layers;
    progress_.begin("sensitivity", 2 * layers);
    forward();
    gradient_ = AlignedBuffer<float>(tokens_.hidden_values());
    {
      PredictionGradient predictions(problem_.source, problem_.precision, backend_.pool(), problem_.seed);
      for (const TokenWindow& w : windows_)
        predictions.evaluate(at(hidden_.back(), w), w.count, at(gradient_, w));
    }
    std::vector<BlockCosts> costs(static_cast<size_t>(layers));
    for (int64_t layer = layers - 1; layer >= 0; --layer) {
      backward(layer);
      costs[static_cast<size_t>(layer)] = costs_of(layer);
      problem_.source.release_block(layer);
      step(layer, "backward");
    }
    progress_.end();
    return costs;
  }

 private:
  const ModelConfig& config() const { return problem_.source.config(); }
  float* at(AlignedBuffer<float>& states, const TokenWindow& w) const {
    return states.data() + w.begin * config().hidden_size;
  }
  void step(int64_t layer, const char* what) {
    progress_.update(++done_, fmt::format("layer {}/{} {}", layer + 1, config().num_layers, what));
  }

  void forward() {
    const int64_t layers = config().num_layers;
    hidden_.push_back(tokens_.embed(problem_.source.token_table()));
    for (int64_t layer = 0; layer < layers; ++layer) {
      load(layer);
      AlignedBuffer<float>& out = hidden_.emplace_back(tokens_.hidden_values());
      for (const TokenWindow& w : windows_) {
        std::copy_n(pass_->forward(batch(layer, w)), w.count * config().hidden_size, at(out, w));
      }
      problem_.source.release_block(layer);
      step(layer, "forward");
    }
  }

  BlockBatch batch(int64_t layer, const TokenWindow& window) const {
    return {.windows = std::span(&window, 1), .inputs = hidden_[static_cast<size_t>(layer)].data()};
  }

  void load(int64_t layer) {
    norms_ = {problem_.source.norm(layer, NormId::kAttention).to_floats(),
              problem_.source.norm(layer, NormId::kMlp).to_floats()};
    BlockFacts facts{.config = &config(),
                     .layer = layer,
                     .attention_norm = norms_[0],
                     .mlp_norm = norms_[1],
                     .activations = {},
                     .biases = {},
                     .precision = problem_.precision};
    for (const LinearId id : kAllLinears) {
      const auto i = static_cast<size_t>(id);
      originals_[i] = problem_.source.linear(layer, id);
      if (!originals_[i].bias) continue;
      biases_[i] = originals_[i].bias.to_floats();
      facts.biases[i] = biases_[i];
    }
    if (pass_) {
      pass_->move_to(facts);
    } else {
      const int64_t longest = std::ranges::max(windows_, {}, &TokenWindow::count).count;
      pass_.emplace(facts, longest, backend_.pool());
    }
    for (const LinearId id : kAllLinears) pass_->set_weights(id, originals_[static_cast<size_t>(id)]);
  }

  const float* fisher_of(LinearId id) const {
    return fisher_[static_cast<size_t>(input_of(id))].data() +
           pass_->first_row(id) * linear_shape(config(), id).cols;
  }

  // Takes the gradient behind the block to what enters it, and adds up squared gradients of its weights.
  void backward(int64_t layer) {
    load(layer);
    for (AlignedBuffer<float>& f : fisher_) f.zero();
    for (const TokenWindow& w : windows_) {
      pass_->forward(batch(layer, w));
      std::copy_n(at(gradient_, w), w.count * config().hidden_size, pass_->output_gradient());
      const MoreGradients more{.inputs = at(gradient_, w)};
      pass_->backward(
          batch(layer, w), [&](InputId input, const float* gradient) { add_squares(input, gradient); },
          &more);
    }
  }

  void add_squares(InputId input, const float* gradient) {
    AlignedBuffer<float>& sum = fisher_[static_cast<size_t>(input)];
    constexpr int64_t kWeights = 1 << 16;
    backend_.pool().parallel_for(std::ssize(sum), kWeights, [&](int64_t begin, int64_t end) {
      float* s = sum.data();
      for (int64_t i = begin; i < end; ++i) s[i] += gradient[i] * gradient[i];
    });
  }

  BlockCosts costs_of(int64_t layer) {
    BlockCosts costs;
    for (const LinearId id : kAllLinears) {
      const auto i = static_cast<size_t>(id);
      const WeightRows rows(originals_[i], {}, problem_.source.where() + ":" + module_name(layer, id));
      for (const WeightSpec& form : problem_.forms(layer, id)) {
        const LinearWeights rounded =
            round_to_nearest(rows, form, problem_.scale_dtype, backend_.pool(), SymmetricFit::kFull);
        costs[i].push_back(cost(id, rounded));
      }
    }
    return costs;
  }

  double cost(LinearId id, const LinearWeights& rounded) {
    const float *weights = pass_->weights(id), *fisher = fisher_of(id);
    const int64_t cols = rounded.cols;
    std::vector<double> rows(static_cast<size_t>(rounded.rows));
    backend_.pool().parallel_for(rounded.rows, kRows, [&](int64_t begin, int64_t end) {
      std::vector<float> row(static_cast<size_t>(cols));
      for (int64_t r = begin; r < end; ++r) {
        rounded.decode_row(r, row.data());
        const float *w = weights + r * cols, *f = fisher + r * cols;
        double sum = 0.0;
        for (int64_t j = 0; j < cols; ++j) {
          const double error = static_cast<double>(row[static_cast<size_t>(j)]) - static_cast<double>(w[j]);
          sum += static_cast<double>(f[j]) * error * error;
        }
        rows[static_cast<size_t>(r)] = sum;
      }
    });
    return 0.5 * std::accumulate(rows.begin(), rows.end(), 0.0) / static_cast<double>(tokens_.tokens());
  }

  const SensitivityProblem& problem_;
  Backend& backend_;
  Progress& progress_;
  TokenStream tokens_;
  std::vector<TokenWindow> windows_;
  std::vector<AlignedBuffer<float>> hidden_;                    // what enters each block, and leaves the last
  AlignedBuffer<float> gradient_;                               // of the residual stream, all tokens
  std::array<AlignedBuffer<float>, kAllInputs.size()> fisher_;  // times windows; of the weights' stacks
  // The block that the pass is at.
  std::array<LinearWeights, kAllLinears.size()> originals_;
  std::array<AlignedBuffer<float>, 2> norms_;
  std::array<AlignedBuffer<float>, kAllLinears.size()> biases_;
  std::optional<BlockPass> pass_;
  int64_t done_ = 0;
};

}  // namespace

std::vector<BlockCosts> rounding_costs(const SensitivityProblem& problem, Backend& backend,
                                       Progress& progress) {
  return Sensitivity(problem, backend, progress).run();
}

}  // namespace fptq
