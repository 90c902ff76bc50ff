#include "quant/awq.h"

#include <algorithm>
#include <cmath>

#include "linalg/sgemm.h"
#include "quant/grid.h"
#include "quant/quantized_matrix.h"

namespace fptq {
namespace {

constexpr double kLeastScale = 1e-4;
constexpr int kShrinks = 10;  // of a twentieth each
constexpr int64_t kRows = 16;

// X^T X of the columns of each group, [groups, size, size].
std::vector<float> group_moments(std::span<const float> sample, std::span<const float> scales, int64_t cols,
                                 int64_t size, ThreadPool& pool) {
  const int64_t tokens = std::ssize(sample) / cols, groups = cols / size;
  std::vector<float> x(sample.begin(), sample.end()), moments(static_cast<size_t>(groups * size * size));
  if (!scales.empty()) {
    for (size_t i = 0; i < x.size(); ++i) x[i] /= scales[i % scales.size()];
  }
  for (int64_t g = 0; g < groups; ++g) {
    const float* columns = x.data() + g * size;
    gemm(pool, size, size, tokens, 1.0f, {columns, cols, true}, {columns, cols}, 0.0f,
         moments.data() + g * size * size, size);
  }
  return moments;
}

GroupGrid clipped_grid(std::span<const float> w, float limit, const WeightSpec& spec, DType scale_dtype,
                       std::vector<float>& clipped) {
  clipped.assign(w.begin(), w.end());
  for (float& x : clipped) x = std::clamp(x, -limit, limit);
  return fit_group(clipped, spec.bits, spec.symmetric, scale_dtype);
}

// A task's rows: all shrinks of all rows of a group are weighed with one product.
class ClipSearch {
 public:
  ClipSearch(const WeightSpec& spec, DType scale_dtype, int64_t cols, std::span<const float> moments)
      : spec_(spec),
        scale_dtype_(scale_dtype),
        cols_(cols),
        size_(spec.group_size == 0 ? cols : spec.group_size),
        moments_(moments),
        rows_(static_cast<size_t>(kRows * cols)),
        errors_(static_cast<size_t>(kRows * kShrinks * size_)),
        weighed_(errors_.size()),
        codes_(static_cast<size_t>(cols)),
        candidates_(static_cast<size_t>(kRows * kShrinks)),
        grids_(static_cast<size_t>(kRows * (cols / size_))) {}

  void solve(const WeightRows& weights, int64_t first, int64_t count, QuantizedMatrix& out) {
    for (int64_t t = 0; t < count; ++t) weights.read(first + t, rows_.data() + t * cols_);
    const int64_t groups = cols_ / size_;
    for (int64_t g = 0; g < groups; ++g) {
      for (int64_t t = 0; t < count; ++t) try_all(t, g);
      sgemm(count * kShrinks, size_, size_, 1.0f, {errors_.data(), size_},
            {moments_.data() + g * size_ * size_, size_}, 0.0f, weighed_.data(), size_);
      for (int64_t t = 0; t < count; ++t) grids_[static_cast<size_t>(t * groups + g)] = best(t);
    }
    for (int64_t t = 0; t < count; ++t) {
      const std::span<const GroupGrid> grids(grids_.data() + t * groups, static_cast<size_t>(groups));
      for (int64_t g = 0; g < groups; ++g) {
        round_group(group(t, g), grids[static_cast<size_t>(g)], spec_.bits, codes_.data() + g * size_);
      }
      out.put_row(first + t, codes_, grids);
    }
  }

 private:
  std::span<const float> group(int64_t t, int64_t g) const {
    return {rows_.data() + t * cols_ + g * size_, static_cast<size_t>(size_)};
  }

  void try_all(int64_t t, int64_t g) {
    const std::span<const float> w = group(t, g);
    float whole = 0;
    for (const float x : w) whole = std::max(whole, std::fabs(x));
    for (int64_t i = 0; i < kShrinks; ++i) {
      const float limit = whole * (1.0f - static_cast<float>(i) / (2.0f * kShrinks));
      const GroupGrid grid = clipped_grid(w, limit, spec_, scale_dtype_, clipped_);
      candidates_[static_cast<size_t>(t * kShrinks + i)] = grid;
      round_group(w, grid, spec_.bits, codes_.data());
      float* error = errors_.data() + (t * kShrinks + i) * size_;
      for (size_t j = 0; j < w.size(); ++j) {
        error[j] = static_cast<float>(codes_[j] - grid.zero) * grid.scale - w[j];
      }
    }
  }

  GroupGrid best(int64_t t) const {
    int64_t found = 0;
    double least = HUGE_VAL;
    for (int64_t i = 0; i < kShrinks; ++i) {
      const int64_t at = (t * kShrinks + i) * size_;
      double sum = 0;
      for (int64_t j = at; j < at + size_; ++j) {
        sum += static_cast<double>(errors_[static_cast<size_t>(j)]) * weighed_[static_cast<size_t>(j)];
      }
      if (sum >= least) continue;
      least = sum;
      found = i;
    }
    return candidates_[static_cast<size_t>(t * kShrinks + found)];
  }

  const WeightSpec& spec_;
  DType scale_dtype_;
  int64_t cols_, size_;
  std::span<const float> moments_;
  std::vector<float> rows_, errors_, weighed_, clipped_;
  std::vector<int8_t> codes_;
  std::vector<GroupGrid> candidates_, grids_;
};

}  // namespace

std::vector<float> relative_column_means(std::span<const WeightRows> consumers, int64_t group_size) {
  const int64_t cols = consumers.front().cols(), size = group_size == 0 ? cols : group_size;
  std::vector<double> sums(static_cast<size_t>(cols));
  std::vector<float> row(sums.size());
  int64_t rows = 0;
  for (const WeightRows& w : consumers) {
    rows += w.rows();
    for (int64_t r = 0; r < w.rows(); ++r) {
      w.read(r, row.data());
      for (int64_t first = 0; first < cols; first += size) {
        float most = 0;
        for (int64_t j = first; j < first + size; ++j)
          most = std::max(most, std::fabs(row[static_cast<size_t>(j)]));
        for (int64_t j = first; j < first + size; ++j) {
          sums[static_cast<size_t>(j)] += std::fabs(row[static_cast<size_t>(j)]) / (most + 1e-6f);
        }
      }
    }
  }
  std::vector<float> means(sums.size());
  for (size_t j = 0; j < sums.size(); ++j) means[j] = static_cast<float>(sums[j] / static_cast<double>(rows));
  return means;
}

std::vector<float> awq_scales(std::span<const float> channel_mean, std::span<const float> columns,
                              double ratio) {
  std::vector<double> wanted(channel_mean.size());
  double low = HUGE_VAL, high = 0;
  for (size_t j = 0; j < wanted.size(); ++j) {
    double s = std::pow(static_cast<double>(channel_mean[j]), ratio);
    if (!columns.empty()) s /= std::pow(static_cast<double>(columns[j]), 1.0 - ratio) + 1e-4;
    wanted[j] = std::max(s, kLeastScale);
    low = std::min(low, wanted[j]);
    high = std::max(high, wanted[j]);
  }
  std::vector<float> scales(wanted.size());
  for (size_t j = 0; j < scales.size(); ++j)
    scales[j] = static_cast<float>(wanted[j] / std::sqrt(high * low));
  return scales;
}

LinearWeights round_clipped(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                            std::span<const float> sample, std::span<const float> scales, ThreadPool& pool) {
  QuantizedMatrix out(weights, spec, scale_dtype);
  const std::vector<float> moments = group_moments(sample, scales, weights.cols(), out.group_size(), pool);
  const int64_t tasks = (weights.rows() + kRows - 1) / kRows;
  pool.parallel_for(tasks, 1, [&](int64_t begin, int64_t end) {
    ClipSearch search(spec, scale_dtype, weights.cols(), moments);
    for (int64_t c = begin; c < end; ++c) {
      search.solve(weights, c * kRows, std::min(kRows, weights.rows() - c * kRows), out);
    }
  });
  return out.take();
}

}  // namespace fptq
