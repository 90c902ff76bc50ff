#include "quant/gptq.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/each_isa.h"
#include "linalg/sgemm.h"
#include "quant/coordinate_descent.h"
#include "quant/grid_search.h"
#include "quant/quantized_matrix.h"

namespace fptq {
namespace {

constexpr int64_t kRows = 16;    // of a task
constexpr int64_t kBlock = 128;  // columns whose errors are handed on together

FPTQ_EACH_ISA void subtract_scaled(float* y, float factor, const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] -= factor * x[i];
}

// Up to kRows rows of one matrix, each on its own.
class Rows {
 public:
  Rows(const WeightSpec& spec, DType scale_dtype, const Curvature& curvature, const GptqOptions& options)
      : spec_(spec),
        scale_dtype_(scale_dtype),
        curvature_(curvature),
        options_(options),
        n_(curvature.size()),
        size_(spec.group_size == 0 ? n_ : spec.group_size),
        groups_(n_ / size_) {
    const auto cells = static_cast<size_t>(kRows * n_);
    for (std::vector<float>* buffer : {&original_, &free_, &errors_, &gradient_}) buffer->resize(cells);
    codes_.resize(cells);
    nearest_.resize(cells);
    handed_on_.resize(static_cast<size_t>(kRows * kBlock));
    grids_.resize(static_cast<size_t>(kRows * groups_));
  }

  void solve(const WeightRows& weights, int64_t first, int64_t count, QuantizedMatrix& out) {
    count_ = count;
    for (int64_t t = 0; t < count; ++t) weights.read(first + t, row(original_, t).data());
    if (curvature_.shift() != nullptr) {
      free_ = original_;
      sgemm(count, n_, n_, 1.0f, {free_.data(), n_}, {curvature_.shift(), n_}, 1.0f, original_.data(), n_);
    }
    // Descent moves scales anyway: a second attempt is not worth its time.
    const bool two_attempts = options_.search_grid && options_.descent_passes == 0;
    if (two_attempts) {
      round_with(Grids::kFull);
      take_all();
    }
    round_with(options_.search_grid ? Grids::kSearched : Grids::kCovering);
    if (storable()) {
      if (two_attempts) return_the_better();
      if (options_.descent_passes > 0) measure(codes_);
      for (int64_t t = 0; t < count; ++t) descend_row(t);
    }
    for (int64_t t = 0; t < count; ++t) out.put_row(first + t, row(codes_, t), grids(t));
  }

 private:
  // Of a group's original weights: the grid that just covers it, in FPTQ's way or compressed-tensors'; or
  // searched for the least error by the curvature's importance, which foresees a row's loss, but not always
  // well.
  enum class Grids { kCovering, kFull, kSearched };

  template <typename T>
  std::span<T> row(std::vector<T>& buffer, int64_t t) const {
    return {buffer.data() + t * n_, static_cast<size_t>(n_)};
  }
  std::span<GroupGrid> grids(int64_t t) {
    return {grids_.data() + t * groups_, static_cast<size_t>(groups_)};
  }

  bool storable() const {
    return std::all_of(grids_.begin(), grids_.begin() + count_ * groups_,
                       [](const GroupGrid& grid) { return std::isfinite(grid.scale); });
  }

  // Grids, codes and losses of all rows.
  void round_with(Grids how) {
    for (int64_t t = 0; t < count_; ++t) fit(t, how);
    if (!storable()) return;
    round_in_order();
    keep_the_better();
  }

  void take_all() {
    other_codes_ = codes_;
    other_grids_ = grids_;
    other_losses_ = losses_;
  }

  // Of two attempts.
  void return_the_better() {
    for (int64_t t = 0; t < count_; ++t) {
      if (losses_[static_cast<size_t>(t)] <= other_losses_[static_cast<size_t>(t)]) continue;
      std::ranges::copy(row(other_codes_, t), row(codes_, t).begin());
      std::copy_n(other_grids_.begin() + t * groups_, groups_, grids_.begin() + t * groups_);
    }
  }

  // Grids of the original weights, and what plain rounding makes of them.
  void fit(int64_t t, Grids how) {
    for (int64_t g = 0; g < groups_; ++g) {
      const auto at = static_cast<size_t>(g * size_), count = static_cast<size_t>(size_);
      const std::span<const float> w = row(original_, t).subspan(at, count);
      GroupGrid& grid = grids(t)[static_cast<size_t>(g)];
      grid = how == Grids::kSearched
                 ? search_group(w, curvature_.importance().subspan(at, count), spec_.bits, spec_.symmetric,
                                scale_dtype_)
                 : fit_group(w, spec_.bits, spec_.symmetric, scale_dtype_,
                             how == Grids::kFull ? SymmetricFit::kFull : SymmetricFit::kNarrow);
      round_group(w, grid, spec_.bits, row(nearest_, t).data() + at);
    }
  }

  float decoded(int64_t t, int64_t col, int8_t code) {
    const GroupGrid& grid = grids(t)[static_cast<size_t>(col / size_)];
    return static_cast<float>(code - grid.zero) * grid.scale;
  }

  void round_in_order() {
    const std::span<const int32_t> order = curvature_.order();
    for (int64_t t = 0; t < count_; ++t) {
      for (int64_t i = 0; i < n_; ++i)
        row(free_, t)[static_cast<size_t>(i)] =
            original_[static_cast<size_t>(t * n_ + order[static_cast<size_t>(i)])];
    }
    for (int64_t begin = 0; begin < n_; begin += kBlock) {
      const int64_t end = std::min(begin + kBlock, n_);
      for (int64_t t = 0; t < count_; ++t) round_block(t, begin, end);
      if (end == n_) break;
      sgemm(count_, n_ - end, end - begin, -1.0f, {handed_on_.data(), kBlock},
            {curvature_.factor() + begin * n_ + end, n_}, 1.0f, free_.data() + end, n_);
    }
  }

  void round_block(int64_t t, int64_t begin, int64_t end) {
    float* w = row(free_, t).data();
    for (int64_t i = begin; i < end; ++i) {
      const int64_t col = curvature_.order()[static_cast<size_t>(i)];
      int8_t& code = row(codes_, t)[static_cast<size_t>(col)];
      round_group({w + i, 1}, grids(t)[static_cast<size_t>(col / size_)], spec_.bits, &code);
      const float* u = curvature_.factor() + i * n_;
      const float error = (w[i] - decoded(t, col, code)) / u[i];
      subtract_scaled(w + i + 1, error, u + i + 1, end - i - 1);
      handed_on_[static_cast<size_t>(t * kBlock + i - begin)] = error;
    }
  }

  // errors, gradient and the loss of every row with `codes`.
  std::vector<double> measure(std::vector<int8_t>& codes) {
    for (int64_t t = 0; t < count_; ++t) {
      for (int64_t j = 0; j < n_; ++j) {
        const auto at = static_cast<size_t>(t * n_ + j);
        errors_[at] = decoded(t, j, codes[at]) - original_[at];
      }
    }
    sgemm(count_, n_, n_, 1.0f, {errors_.data(), n_}, {curvature_.moment(), n_}, 0.0f, gradient_.data(), n_);
    std::vector<double> losses(static_cast<size_t>(count_));
    for (int64_t t = 0; t < count_; ++t) {
      for (int64_t j = 0; j < n_; ++j) {
        const auto at = static_cast<size_t>(t * n_ + j);
        losses[static_cast<size_t>(t)] += static_cast<double>(errors_[at]) * gradient_[at];
      }
    }
    return losses;
  }

  void keep_the_better() {
    const std::vector<double> nearest = measure(nearest_), ordered = measure(codes_);
    losses_ = ordered;
    for (int64_t t = 0; t < count_; ++t) {
      if (ordered[static_cast<size_t>(t)] <= nearest[static_cast<size_t>(t)]) continue;
      std::ranges::copy(row(nearest_, t), row(codes_, t).begin());
      losses_[static_cast<size_t>(t)] = nearest[static_cast<size_t>(t)];
    }
  }

  void descend_row(int64_t t) {
    const RowState state{row(codes_, t), grids(t), row(errors_, t), row(gradient_, t)};
    for (int pass = 0; pass < options_.descent_passes; ++pass) {
      if (!descend(curvature_, spec_.bits, size_, scale_dtype_, state)) return;
    }
  }

  const WeightSpec& spec_;
  DType scale_dtype_;
  const Curvature& curvature_;
  const GptqOptions& options_;
  int64_t n_, size_, groups_, count_ = 0;
  std::vector<float> original_, free_, errors_, gradient_, handed_on_;
  std::vector<int8_t> codes_, nearest_, other_codes_;
  std::vector<GroupGrid> grids_, other_grids_;
  std::vector<double> losses_, other_losses_;
};

}  // namespace

LinearWeights gptq(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                   const Curvature& curvature, const GptqOptions& options, ThreadPool& pool) {
  QuantizedMatrix out(weights, spec, scale_dtype);
  const int64_t chunks = (weights.rows() + kRows - 1) / kRows;
  pool.parallel_for(chunks, 1, [&](int64_t begin, int64_t end) {
    Rows rows(spec, scale_dtype, curvature, options);
    for (int64_t c = begin; c < end; ++c) {
      rows.solve(weights, c * kRows, std::min(kRows, weights.rows() - c * kRows), out);
    }
  });
  return out.take();
}

}  // namespace fptq
