#include "linalg/cholesky.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "linalg/sgemm.h"

namespace fptq {
namespace {

constexpr int64_t kBlock = 128;

using Square = std::array<double, kBlock * kBlock>;

// The diagonal block [n, n] at `a` in place; false when it is not positive definite.
bool factor_diagonal(int64_t n, float* a, int64_t lda) {
  static thread_local Square l;
  for (int64_t i = 0; i < n; ++i) {
    double* row = l.data() + i * kBlock;
    for (int64_t j = 0; j <= i; ++j) {
      const double* other = l.data() + j * kBlock;
      double sum = a[i * lda + j];
      for (int64_t k = 0; k < j; ++k) sum -= row[k] * other[k];
      if (i != j) {
        row[j] = sum / other[j];
      } else if (sum > 0.0 && std::isfinite(sum)) {
        row[i] = std::sqrt(sum);
      } else {
        return false;
      }
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j)
      a[i * lda + j] = static_cast<float>(l[static_cast<size_t>(i * kBlock + j)]);
  }
  return true;
}

// out [n, n] = inverse of the lower triangle of the block at `l`, zeros above.
void invert_diagonal(int64_t n, const float* l, int64_t ldl, float* out, int64_t ldo) {
  static thread_local Square x;
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t i = 0; i < n; ++i) {
      double sum = i == j ? 1.0 : 0.0;
      for (int64_t k = j; k < i; ++k) sum -= l[i * ldl + k] * x[static_cast<size_t>(k * kBlock + j)];
      x[static_cast<size_t>(i * kBlock + j)] = i < j ? 0.0 : sum / l[i * ldl + i];
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j)
      out[i * ldo + j] = static_cast<float>(x[static_cast<size_t>(i * kBlock + j)]);
  }
}

}  // namespace

bool cholesky_lower(ThreadPool& pool, int64_t n, float* a, int64_t lda) {
  std::vector<float> inverse(static_cast<size_t>(kBlock * kBlock)), panel;
  for (int64_t k = 0; k < n; k += kBlock) {
    const int64_t size = std::min(kBlock, n - k), below = n - k - size;
    if (!factor_diagonal(size, a + k * lda + k, lda)) return false;
    if (below == 0) break;
    invert_diagonal(size, a + k * lda + k, lda, inverse.data(), kBlock);
    // The rows below: P := P L^-T; then what is right of them: A -= P P^T, tiles of the lower triangle.
    float* rows = a + (k + size) * lda + k;
    panel.resize(static_cast<size_t>(below * size));
    gemm(pool, below, size, size, 1.0f, {rows, lda}, {inverse.data(), kBlock, true}, 0.0f, panel.data(),
         size);
    const int64_t blocks = (below + kBlock - 1) / kBlock;
    pool.parallel_for(blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const int64_t first = b * kBlock, count = std::min(kBlock, below - first);
        for (int64_t i = first; i < first + count; ++i) {
          std::copy_n(panel.data() + i * size, size, rows + i * lda);
        }
        sgemm(count, first + count, size, -1.0f, {panel.data() + first * size, size},
              {panel.data(), size, true}, 1.0f, a + (k + size + first) * lda + k + size, lda);
      }
    });
  }
  return true;
}

void invert_lower(ThreadPool& pool, int64_t n, const float* l, int64_t ldl, float* inverse, int64_t ldi) {
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  // Block columns are independent: X_ij = -L_ii^-1 * sum of L_ik X_kj.
  pool.parallel_for(blocks, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> diagonal(static_cast<size_t>(kBlock * kBlock)), sum(diagonal.size());
    for (int64_t b = begin; b < end; ++b) {
      const int64_t j = b * kBlock, width = std::min(kBlock, n - j);
      for (int64_t i = 0; i < j; ++i) std::fill_n(inverse + i * ldi + j, width, 0.0f);
      invert_diagonal(width, l + j * ldl + j, ldl, inverse + j * ldi + j, ldi);
      for (int64_t i = j + width; i < n; i += kBlock) {
        const int64_t height = std::min(kBlock, n - i);
        invert_diagonal(height, l + i * ldl + i, ldl, diagonal.data(), kBlock);
        sgemm(height, width, i - j, 1.0f, {l + i * ldl + j, ldl}, {inverse + j * ldi + j, ldi}, 0.0f,
              sum.data(), kBlock);
        sgemm(height, width, height, -1.0f, {diagonal.data(), kBlock}, {sum.data(), kBlock}, 0.0f,
              inverse + i * ldi + j, ldi);
      }
    }
  });
}

}  // namespace fptq
