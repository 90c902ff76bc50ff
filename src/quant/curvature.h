// The curvature of a layer's output error in its weights: the second moment of the layer's input, and the
// factor of its inverse by which GPTQ hands an error on to columns that are still free.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"

namespace fptq {

// What keeps weights from following the accidents of a calibration sample.
struct Regularization {
  double damping = 0.01;   // times the mean of the moment's diagonal, added to it. GPTQ's
  double shrinkage = 0.0;  // share of what lies off the diagonal that is left out, as Ledoit and Wolf shrink
                           // a covariance matrix (J. Multivariate Anal. 88, 2004)

  bool operator==(const Regularization&) const = default;
};

// Of one input; all layers that read it share it. Immutable, so that threads may.
class Curvature {
 public:
  // `moment` [n, n] is the mean of x x^T over the calibration tokens (its lower triangle is read); `scales`
  // [n] or none divide the input first. The damping is ten times as much again while the sum is not positive
  // definite. Throws Error(kBadModel, where) when even the whole mean does not make it so.
  Curvature(ThreadPool& pool, int64_t n, std::span<const float> moment, std::span<const float> scales,
            const Regularization& by, const std::string& where);

  // GPTAQ (Li et al., arXiv 2504.02692): aims at what the layer puts out in the unquantized model instead of
  // what it puts out for the inputs that quantized blocks gave it. `drift` [n, n] as ActivationStatistics has
  // it, `strength` how much of it is made up for (theirs: 0.25). Needs as much again as the factor.
  void aim(ThreadPool& pool, std::span<const float> drift, std::span<const float> scales, double strength);

  // What is to be added to each row W of weights before it is rounded: W * shift(), [n, n]. Null: nothing.
  const float* shift() const { return shift_.data(); }
  int64_t size() const { return n_; }
  // The moment as it was regularized [n, n], both triangles.
  const float* moment() const { return moment_.data(); }
  std::span<const float> diagonal() const { return diagonal_; }
  // Columns in the order in which they are rounded: those with the largest moment first (act-order).
  std::span<const int32_t> order() const { return order_; }
  // Upper triangular U [n, n], U^T U = inverse of the moment with rows and columns in order().
  const float* factor() const { return factor_.data(); }
  // What a squared error of each column costs when the columns behind it in order() make up for what they
  // can: 1 / U_ii^2. Uncorrelated channels: the diagonal.
  std::span<const float> importance() const { return importance_; }

 private:
  int64_t n_;
  AlignedBuffer<float> moment_, factor_, shift_;
  std::vector<float> diagonal_, importance_;
  std::vector<int32_t> order_;
};

}  // namespace fptq
