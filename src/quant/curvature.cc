#include "quant/curvature.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "fptq/error.h"
#include "linalg/cholesky.h"
#include "linalg/sgemm.h"

namespace fptq {
namespace {

constexpr int64_t kRows = 64;

}  // namespace

Curvature::Curvature(ThreadPool& pool, int64_t n, std::span<const float> moment,
                     std::span<const float> scales, const Regularization& by, const std::string& where)
    : n_(n),
      moment_(static_cast<size_t>(n * n)),
      factor_(moment_.size()),
      diagonal_(static_cast<size_t>(n)),
      importance_(diagonal_.size()),
      order_(static_cast<size_t>(n)) {
  const auto scale = [&](int64_t i) { return scales.empty() ? 1.0f : scales[static_cast<size_t>(i)]; };
  const auto left = static_cast<float>(1.0 - by.shrinkage);
  pool.parallel_for(n, kRows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const int64_t at = i >= j ? i * n + j : j * n + i;
        const float value = moment[static_cast<size_t>(at)] / (scale(i) * scale(j));
        moment_[static_cast<size_t>(i * n + j)] = i == j ? value : left * value;
      }
    }
  });
  double mean = 0;
  for (int64_t i = 0; i < n; ++i) mean += moment_[static_cast<size_t>(i * n + i)];
  mean /= static_cast<double>(n);
  // An input that was silent on all tokens has no preference.
  if (mean == 0) mean = 1;

  AlignedBuffer<float> lower(moment_.size());
  double added = 0;
  for (double share = by.damping;; share *= 10) {
    for (int64_t i = 0; i < n; ++i) {
      moment_[static_cast<size_t>(i * n + i)] += static_cast<float>(share * mean - added);
      diagonal_[static_cast<size_t>(i)] = moment_[static_cast<size_t>(i * n + i)];
    }
    added = share * mean;
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(), [&](int32_t a, int32_t b) {
      return diagonal_[static_cast<size_t>(a)] > diagonal_[static_cast<size_t>(b)];
    });
    // With rows and columns reversed, the lower factor L of the moment becomes an upper R, moment = R R^T,
    // and the inverse is (R^-1)^T R^-1: one factorization, and no inverse of the moment itself.
    pool.parallel_for(n, kRows, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = order_[static_cast<size_t>(n - 1 - i)];
        for (int64_t j = 0; j <= i; ++j) {
          const int64_t col = order_[static_cast<size_t>(n - 1 - j)];
          lower[static_cast<size_t>(i * n + j)] = moment_[static_cast<size_t>(row * n + col)];
        }
      }
    });
    if (cholesky_lower(pool, n, lower.data(), n)) break;
    if (share >= 1) {
      throw Error(ErrorKind::kBadModel, where,
                  fmt::format("the second moment of the {} inputs is not positive definite, even damped", n),
                  "use other or more calibration data");
    }
  }
  AlignedBuffer<float> inverse(moment_.size());
  invert_lower(pool, n, lower.data(), n, inverse.data(), n);
  pool.parallel_for(n, kRows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        factor_[static_cast<size_t>(i * n + j)] = inverse[static_cast<size_t>((n - 1 - i) * n + n - 1 - j)];
      }
      const float u = factor_[static_cast<size_t>(i * n + i)];
      importance_[static_cast<size_t>(order_[static_cast<size_t>(i)])] = 1.0f / (u * u);
    }
  });
}

// min over W* of |W x_original - W* x|^2: W* = W + W drift moment^-1, the inverse being U^T U in order().
void Curvature::aim(ThreadPool& pool, std::span<const float> drift, std::span<const float> scales,
                    double strength) {
  const int64_t n = n_;
  const auto scale = [&](int64_t i) { return scales.empty() ? 1.0f : scales[static_cast<size_t>(i)]; };
  AlignedBuffer<float> ordered(factor_.size()), product(factor_.size());
  pool.parallel_for(n, kRows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const int64_t col = order_[static_cast<size_t>(j)];
        ordered[static_cast<size_t>(i * n + j)] =
            static_cast<float>(strength) * drift[static_cast<size_t>(i * n + col)] / (scale(i) * scale(col));
      }
    }
  });
  gemm(pool, n, n, n, 1.0f, {ordered.data(), n}, {factor_.data(), n, true}, 0.0f, product.data(), n);
  gemm(pool, n, n, n, 1.0f, {product.data(), n}, {factor_.data(), n}, 0.0f, ordered.data(), n);
  shift_ = AlignedBuffer<float>(factor_.size());
  pool.parallel_for(n, kRows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        shift_[static_cast<size_t>(i * n + order_[static_cast<size_t>(j)])] =
            ordered[static_cast<size_t>(i * n + j)];
      }
    }
  });
}

}  // namespace fptq
