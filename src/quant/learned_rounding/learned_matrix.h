// The rounding of one weight matrix as something to be learned (AutoRound, arXiv 2309.05516, section 3):
//   W' = scale * (clamp(round(W / scale + V) + zero, lowest, highest) - zero)
// with an offset V for every weight and, for every group, factors on the ends of the range that its grid
// covers. Gradients pass round() unchanged and stop where a code is clamped. A step moves each parameter by
// the same amount against the sign of its gradient.
#pragma once

#include <cstdint>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "quant/grid.h"
#include "quant/learned_rounding/grid_ops.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

struct RoundingStep {
  float offset = 0.0f;  // that V moves by, in steps of the grid
  float range = 0.0f;   // that the factors of a group's range move by; 0 leaves grids as they are
};

class LearnedMatrix {
 public:
  // Starts from the codes and grids of `initial`, integers of the shape of `weights`, which is referred to.
  // `dequantized` [rows, cols] holds W' from here on and outlives this.
  LearnedMatrix(const WeightRows& weights, const LinearWeights& initial, float* dequantized,
                ThreadPool& pool);

  // `gradient` [rows, cols] is that of the loss with respect to W'.
  void step(const float* gradient, const RoundingStep& by, ThreadPool& pool);
  // Remembers the present codes and grids, in place of those remembered before; at first they are the initial
  // ones.
  void keep(ThreadPool& pool);
  // What was remembered, without its activation.
  LinearWeights kept() const;

 private:
  // A group's grid is the one it started with, its range stretched: the end below zero by `low`, the end
  // above it by `high`; in symmetric grids both by `low`.
  struct Range {
    float scale = 1.0f;  // where it started
    float below = 0.0f;  // and how many steps lie between the lowest code and zero
    float low = 1.0f;
    float high = 1.0f;
  };

  int64_t rows_at_a_time() const;
  // Runs body(group, first of its weights) over the matrix.
  template <typename Body>
  void each_group(ThreadPool& pool, const Body& body);
  GridSpan span(const GroupGrid& grid) const;
  GroupGrid grid_of(const Range& range) const;
  void start(const GroupGrid& grid, int64_t first);
  void stretch(const GridGradient& gradient, const GroupGrid& grid, float by, Range& range) const;

  const WeightRows& source_;
  WeightSpec spec_;
  DType scale_dtype_;
  int64_t rows_, cols_, group_size_;
  float lowest_, highest_;  // codes
  AlignedBuffer<float> weights_;
  AlignedBuffer<float> offsets_;  // V
  std::vector<Range> ranges_;     // [rows, groups]
  std::vector<GroupGrid> grids_;  // that ranges_ stand for, scales as they are stored
  AlignedBuffer<int8_t> kept_codes_;
  std::vector<GroupGrid> kept_grids_;
  float* dequantized_;
};

}  // namespace fptq
