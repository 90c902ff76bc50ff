#include "quant/learned_rounding/learned_matrix.h"

#include <algorithm>
#include <cmath>

#include "quant/learned_rounding/grid_ops.h"
#include "quant/quantized_matrix.h"

namespace fptq {
namespace {

constexpr int64_t kChunkWeights = 1 << 15;
// A start that is not the nearest code lies so far inside the cell of its code, in steps of the grid: round()
// gives that code, and the gradient may soon give it up. (SmolLM2, block 5, from GPTQ: 0.25 ends with a tenth
// more error.)
constexpr float kInsideCell = 0.02f;
// Of the factors on a range. To let ranges grow by a quarter as well ended with 3 % more error.
constexpr float kLeastRange = 0.5f, kMostRange = 1.0f;

float against(float gradient, float by) {
  return gradient > 0.0f ? -by : (gradient < 0.0f ? by : 0.0f);
}

}  // namespace

LearnedMatrix::LearnedMatrix(const WeightRows& weights, const LinearWeights& initial, float* dequantized,
                             ThreadPool& pool)
    : source_(weights),
      spec_(initial.spec),
      scale_dtype_(initial.scales.dtype()),
      rows_(initial.rows),
      cols_(initial.cols),
      group_size_(initial.group_size()),
      lowest_(-std::ldexp(1.0f, spec_.bits - 1)),
      highest_(std::ldexp(1.0f, spec_.bits - 1) - 1.0f),
      weights_(static_cast<size_t>(rows_ * cols_)),
      offsets_(weights_.size()),
      ranges_(static_cast<size_t>(initial.rows * initial.groups())),
      grids_(ranges_.size()),
      kept_codes_(weights_.size()),
      dequantized_(dequantized) {
  const AlignedBuffer<float> scales = initial.scales.to_floats();
  for (size_t i = 0; i < grids_.size(); ++i) {
    const int zero = initial.zero_point_at(static_cast<int64_t>(i));
    grids_[i] = {scales[i], zero};
    ranges_[i] = {.scale = scales[i], .below = static_cast<float>(zero) - lowest_};
  }
  pool.parallel_for(rows_, rows_at_a_time(), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      weights.read(r, weights_.data() + r * cols_);
      initial.decode_row(r, dequantized_ + r * cols_);
    }
  });
  each_group(pool, [&](size_t group, int64_t first) { start(grids_[group], first); });
  keep(pool);
}

int64_t LearnedMatrix::rows_at_a_time() const {
  return std::max<int64_t>(1, kChunkWeights / cols_);
}

template <typename Body>
void LearnedMatrix::each_group(ThreadPool& pool, const Body& body) {
  const int64_t groups = cols_ / group_size_;
  pool.parallel_for(rows_, rows_at_a_time(), [&](int64_t begin, int64_t end) {
    for (int64_t g = begin * groups; g < end * groups; ++g) body(static_cast<size_t>(g), g * group_size_);
  });
}

GridSpan LearnedMatrix::span(const GroupGrid& grid) const {
  const auto zero = static_cast<float>(grid.zero);
  return {grid.scale, lowest_ - zero, highest_ - zero};
}

void LearnedMatrix::start(const GroupGrid& grid, int64_t first) {
  const GridSpan limits = span(grid);
  for (int64_t i = first; i < first + group_size_; ++i) {
    const float code = std::nearbyint(dequantized_[i] / grid.scale), x = weights_[i] / grid.scale;
    float inside = x;
    if (std::clamp(std::nearbyint(x), limits.lowest, limits.highest) != code) {
      inside = std::clamp(x, code - 0.5f + kInsideCell, code + 0.5f - kInsideCell);
    }
    offsets_[i] = inside - x;
  }
}

GroupGrid LearnedMatrix::grid_of(const Range& range) const {
  if (spec_.symmetric) return {stored_scale(range.scale * range.low, scale_dtype_), 0};
  const float steps = highest_ - lowest_, above = steps - range.below;
  const float scale =
      stored_scale(range.scale * ((range.low * range.below + range.high * above) / steps), scale_dtype_);
  const float zero = std::clamp(range.low * range.below * range.scale / scale, 0.0f, steps);
  return {scale, static_cast<int32_t>(std::nearbyint(zero) + lowest_)};
}

void LearnedMatrix::stretch(const GridGradient& gradient, const GroupGrid& grid, float by,
                            Range& range) const {
  const auto move = [by](float slope, float& factor) {
    factor = std::clamp(factor + against(slope, by), kLeastRange, kMostRange);
  };
  if (spec_.symmetric) return move(std::copysign(1.0f, range.scale) * gradient.scale, range.low);
  // scale = start * (low * below + high * above) / steps, zero = round(low * below * start / scale), by the
  // chain rule and up to the positive factor start / steps.
  const float steps = highest_ - lowest_, zero = range.low * range.below * range.scale / grid.scale;
  const float per_step = gradient.zero / grid.scale;
  move(range.below * (gradient.scale + per_step * (steps - zero)), range.low);
  move((steps - range.below) * (gradient.scale - per_step * zero), range.high);
}

void LearnedMatrix::step(const float* gradient, const RoundingStep& by, ThreadPool& pool) {
  each_group(pool, [&](size_t group, int64_t first) {
    GroupGrid& grid = grids_[group];
    const float* w = weights_.data() + first;
    float* offset = offsets_.data() + first;
    const GridGradient slope = step_offsets(span(grid), w, gradient + first, by.offset, group_size_, offset);
    if (by.range > 0.0f) {
      stretch(slope, grid, by.range, ranges_[group]);
      grid = grid_of(ranges_[group]);
    }
    to_grid_with_offsets(span(grid), w, offset, group_size_, dequantized_ + first);
  });
}

void LearnedMatrix::keep(ThreadPool& pool) {
  kept_grids_ = grids_;
  each_group(pool, [&](size_t group, int64_t first) {
    const GroupGrid& grid = grids_[group];
    code_with_offsets(span(grid), grid.zero, weights_.data() + first, offsets_.data() + first, group_size_,
                      kept_codes_.data() + first);
  });
}

LinearWeights LearnedMatrix::kept() const {
  QuantizedMatrix out(source_, spec_, scale_dtype_);
  const auto cols = static_cast<size_t>(cols_), groups = cols / static_cast<size_t>(group_size_);
  for (size_t r = 0; r < static_cast<size_t>(rows_); ++r) {
    out.put_row(static_cast<int64_t>(r), {kept_codes_.data() + r * cols, cols},
                {kept_grids_.data() + r * groups, groups});
  }
  return out.take();
}

}  // namespace fptq
