#include "quant/output_error.h"

#include <algorithm>
#include <cmath>

#include "linalg/sgemm.h"
#include "quant/grid.h"

namespace fptq {
namespace {

// Rows of all layers together; more would only repeat what these say.
constexpr int64_t kMostRows = 1536;
constexpr int64_t kRows = 16, kTokens = 16;
constexpr double kLongest = 3.0;

constexpr float kRounder = 12582912.0f;  // see grid.cc

void round_token(float* x, int64_t n, float scale, int bits) {
  const float high = static_cast<float>((1 << (bits - 1)) - 1), low = -high - 1.0f;
  for (int64_t j = 0; j < n; ++j) {
    const float q = x[j] / scale;
    const float clamped = q < low ? low : (q > high ? high : q);
    x[j] = ((clamped + kRounder) - kRounder) * scale;
  }
}

}  // namespace

OutputError::OutputError(std::span<const float> sample, int64_t width, std::span<const WeightRows> consumers,
                         const WeightSpec& spec, ThreadPool& pool)
    : sample_(sample),
      width_(width),
      tokens_(std::ssize(sample) / width),
      spec_(spec),
      pool_(pool),
      column_max_(static_cast<size_t>(width), 0.0f),
      channel_max_(static_cast<size_t>(width), 0.0f) {
  int64_t all = 0;
  for (const WeightRows& w : consumers) all += w.rows();
  const int64_t step = (all + kMostRows - 1) / kMostRows;
  std::vector<float> row(static_cast<size_t>(width));
  for (const WeightRows& w : consumers) {
    for (int64_t r = 0; r < w.rows(); ++r) {
      w.read(r, row.data());
      for (size_t j = 0; j < row.size(); ++j) column_max_[j] = std::max(column_max_[j], std::fabs(row[j]));
      if (r % step == 0) weights_.insert(weights_.end(), row.begin(), row.end());
    }
  }
  rows_ = std::ssize(weights_) / width;
  outputs_.resize(static_cast<size_t>(tokens_ * rows_));
  gemm(pool_, tokens_, rows_, width_, 1.0f, {sample_.data(), width_}, {weights_.data(), width_, true}, 0.0f,
       outputs_.data(), rows_);

  std::vector<double> lengths;
  for (int64_t t = 0; t < tokens_; ++t) {
    double squares = 0;
    for (int64_t j = 0; j < width_; ++j) squares += std::pow(sample_[static_cast<size_t>(t * width_ + j)], 2);
    lengths.push_back(std::sqrt(squares));
  }
  std::vector<double> sorted = lengths;
  std::ranges::nth_element(sorted, sorted.begin() + tokens_ / 2);
  const double longest = kLongest * sorted[static_cast<size_t>(tokens_ / 2)];
  for (const double length : lengths) {
    const double factor = length > longest ? longest / length : 1.0;
    token_weight_.push_back(factor * factor);
  }
  for (int64_t t = 0; t < tokens_; ++t) {
    const auto factor = static_cast<float>(std::sqrt(token_weight_[static_cast<size_t>(t)]));
    for (int64_t j = 0; j < width_; ++j) {
      float& most = channel_max_[static_cast<size_t>(j)];
      most = std::max(most, factor * std::fabs(sample_[static_cast<size_t>(t * width_ + j)]));
    }
  }
}

void OutputError::round_weights(std::span<const float> scales, std::vector<float>& out) const {
  const int64_t size = spec_.group_size == 0 ? width_ : spec_.group_size;
  out.resize(weights_.size());
  pool_.parallel_for(rows_, kRows, [&](int64_t begin, int64_t end) {
    std::vector<int8_t> codes(static_cast<size_t>(size));
    for (int64_t r = begin; r < end; ++r) {
      float* y = out.data() + r * width_;
      for (int64_t j = 0; j < width_; ++j) {
        y[j] = weights_[static_cast<size_t>(r * width_ + j)] *
               (scales.empty() ? 1.0f : scales[static_cast<size_t>(j)]);
      }
      for (int64_t first = 0; first < width_; first += size) {
        const std::span<float> group(y + first, static_cast<size_t>(size));
        const GroupGrid grid = fit_group(group, spec_.bits, spec_.symmetric, DType::kF32);
        round_group(group, grid, spec_.bits, codes.data());
        for (size_t i = 0; i < group.size(); ++i)
          group[i] = static_cast<float>(codes[i] - grid.zero) * grid.scale;
      }
    }
  });
}

void OutputError::round_inputs(std::span<const float> scales, const ActivationSpec& activation,
                               std::vector<float>& out) const {
  out.resize(sample_.size());
  pool_.parallel_for(tokens_, kTokens, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      float* y = out.data() + t * width_;
      float reach = 0;
      for (int64_t j = 0; j < width_; ++j) {
        y[j] = sample_[static_cast<size_t>(t * width_ + j)] /
               (scales.empty() ? 1.0f : scales[static_cast<size_t>(j)]);
        reach = std::max(reach, std::fabs(y[j]));
      }
      if (activation.mode == ActivationMode::kDynamicToken && reach > 0) {
        round_token(y, width_, reach / (static_cast<float>((1 << activation.bits) - 1) / 2.0f),
                    activation.bits);
      } else if (activation.mode == ActivationMode::kStaticTensor) {
        round_token(y, width_, activation.scale, activation.bits);
      }
    }
  });
}

double OutputError::of(std::span<const float> scales, const ActivationSpec& activation) const {
  std::vector<float> weights, inputs, difference = outputs_;
  round_weights(scales, weights);
  round_inputs(scales, activation, inputs);
  gemm(pool_, tokens_, rows_, width_, -1.0f, {inputs.data(), width_}, {weights.data(), width_, true}, 1.0f,
       difference.data(), rows_);
  double sum = 0;
  for (int64_t t = 0; t < tokens_; ++t) {
    double squares = 0;
    for (int64_t r = 0; r < rows_; ++r) {
      const double d = difference[static_cast<size_t>(t * rows_ + r)];
      squares += d * d;
    }
    sum += token_weight_[static_cast<size_t>(t)] * squares;
  }
  return sum;
}

}  // namespace fptq
