#include "quant/learned_rounding/learned_rounding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "fptq/error.h"
#include "quant/block_pass/block_pass.h"
#include "quant/block_pass/window_sampler.h"
#include "quant/learned_rounding/learned_matrix.h"

namespace fptq {
namespace {

// Batches that the loss is judged on, and how often it is.
constexpr int64_t kJudgedBatches = 4, kJudgements = 4;
constexpr uint64_t kJudgedSeed = 0x5eed;

std::array<AlignedBuffer<float>, kAllLinears.size()> biases_of(const RoundingProblem& problem) {
  std::array<AlignedBuffer<float>, kAllLinears.size()> biases;
  for (size_t i = 0; i < biases.size(); ++i) {
    if (problem.weights[i].bias()) biases[i] = problem.weights[i].bias().to_floats();
  }
  return biases;
}

// The first batches that a sampler of a seed of its own draws, each window at most once but for the last.
std::vector<std::vector<TokenWindow>> judged_batches(const std::vector<TokenWindow>& windows,
                                                     int64_t batch_tokens) {
  const int64_t tokens = windows.back().begin + windows.back().count;
  WindowSampler sampler(windows, kJudgedSeed);
  std::vector<std::vector<TokenWindow>> batches;
  for (int64_t drawn = 0; drawn < tokens && std::ssize(batches) < kJudgedBatches;) {
    const std::span<const TokenWindow> batch = sampler.next(batch_tokens);
    batches.emplace_back(batch.begin(), batch.end());
    for (const TokenWindow& w : batch) drawn += w.count;
  }
  return batches;
}

class Learner {
 public:
  Learner(const RoundingProblem& problem, const RoundingOptions& options, ThreadPool& pool)
      : problem_(problem),
        options_(options),
        pool_(pool),
        biases_(biases_of(problem)),
        windows_(consecutive_windows(problem.windows)),
        judged_(judged_batches(windows_, options.batch_tokens)),
        sampler_(windows_, options.seed),
        pass_(facts(), batch_limit(), pool) {
    for (const LinearWeights& start : problem.initial) check(start);
    matrices_.reserve(kAllLinears.size());
    for (const LinearId id : kAllLinears) {
      const auto i = static_cast<size_t>(id);
      const WeightRows& weights = problem.weights[i];
      matrices_.emplace_back(weights, problem.initial[i], pass_.weights(id), pool);
    }
  }

  LearnedRounding run(const AfterIteration& after_iteration) {
    LearnedRounding result;
    result.initial_loss = result.loss = judge();
    for (int64_t i = 0; i < options_.iterations; ++i) {
      after_iteration(i, iterate(i));
      const int64_t done = i + 1;
      if (!is_judged(done)) continue;
      const double loss = judge();
      if (loss >= result.loss) continue;
      result.loss = loss;
      result.iteration = done;
      for (LearnedMatrix& m : matrices_) m.keep(pool_);
    }
    for (const LinearId id : kAllLinears) {
      result.linears.push_back(matrices_[static_cast<size_t>(id)].kept());
      result.linears.back().activation = problem_.activations[static_cast<size_t>(input_of(id))];
    }
    return result;
  }

 private:
  void check(const LinearWeights& start) const {
    if (!start.spec.dense() && start.spec.type == CodeType::kInteger && !start.spec.per_tensor) return;
    throw Error(ErrorKind::kUsage, fmt::format("layer {}", problem_.layer),
                "rounding is learned for integers with scales of their own for every row or group");
  }

  // The last iterates at equal distances: steps get smaller and smaller, so that late ones are the best as a
  // rule.
  bool is_judged(int64_t done) const {
    const int64_t distance = std::max<int64_t>(1, options_.iterations / (4 * kJudgements));
    const int64_t left = options_.iterations - done;
    return left % distance == 0 && left / distance < kJudgements;
  }

  BlockFacts facts() const {
    BlockFacts facts{.config = &problem_.config,
                     .layer = problem_.layer,
                     .attention_norm = problem_.attention_norm,
                     .mlp_norm = problem_.mlp_norm,
                     .activations = problem_.activations,
                     .biases = {},
                     .precision = options_.precision};
    for (size_t i = 0; i < biases_.size(); ++i) facts.biases[i] = biases_[i];
    return facts;
  }

  int64_t batch_limit() const {
    return std::max(options_.batch_tokens,
                    *std::max_element(problem_.windows.begin(), problem_.windows.end()));
  }

  BlockBatch batch(std::span<const TokenWindow> windows) const {
    return {windows, problem_.inputs, problem_.targets,
            problem_.token_weights.empty() ? nullptr : problem_.token_weights.data()};
  }

  double forward(const BlockBatch& b) {
    pass_.forward(b);
    const double loss = pass_.compare(b);
    if (!std::isfinite(loss)) {
      throw Error(ErrorKind::kFailure, fmt::format("layer {}", problem_.layer),
                  fmt::format("the squared error of its output is {}, expected a finite number", loss));
    }
    return loss;
  }

  double iterate(int64_t i) {
    const double left = 1.0 - static_cast<double>(i) / static_cast<double>(options_.iterations);
    const auto rate = [&](double first) {
      return static_cast<float>(left *
                                (first > 0.0 ? first : 1.0 / static_cast<double>(options_.iterations)));
    };
    const RoundingStep by = {rate(options_.offset_rate),
                             options_.learn_range ? rate(options_.range_rate) : 0.0f};
    const BlockBatch b = batch(sampler_.next(options_.batch_tokens));
    const double loss = forward(b);
    pass_.backward(b, [&](InputId input, const float* gradient) {
      for (const LinearId id : input_facts(input).consumers) {
        const auto index = static_cast<size_t>(id);
        matrices_[index].step(gradient + pass_.first_row(id) * problem_.weights[index].cols(), by, pool_);
      }
    });
    return loss;
  }

  double judge() {
    double error = 0.0, tokens = 0.0;
    for (const std::vector<TokenWindow>& windows : judged_) {
      const double loss = forward(batch(windows));
      for (const TokenWindow& w : windows) {
        error += loss * static_cast<double>(w.count);
        tokens += static_cast<double>(w.count);
      }
    }
    return error / tokens;
  }

  const RoundingProblem& problem_;
  const RoundingOptions& options_;
  ThreadPool& pool_;
  std::array<AlignedBuffer<float>, kAllLinears.size()> biases_;
  std::vector<TokenWindow> windows_;
  std::vector<std::vector<TokenWindow>> judged_;
  WindowSampler sampler_;
  BlockPass pass_;
  std::vector<LearnedMatrix> matrices_;
};

}  // namespace

LearnedRounding learn_rounding(const RoundingProblem& problem, const RoundingOptions& options,
                               ThreadPool& pool, const AfterIteration& after_iteration) {
  return Learner(problem, options, pool).run(after_iteration);
}

}  // namespace fptq
