#include "linalg/sgemm.h"

#include <dnnl.h>

#include <algorithm>

#include "fptq/error.h"
#include "linalg/one_openmp_thread.h"
#include "linalg/tiles.h"

namespace fptq {
namespace {

// Large enough for full speed, small enough to give every thread some.
constexpr int64_t kTile = 256;

// Rows (or columns) from `first` on of the product that `f` is the left (or right) factor of.
Factor rows_from(const Factor& f, int64_t first) {
  return {f.data + first * (f.transposed ? 1 : f.ld), f.ld, f.transposed};
}
Factor columns_from(const Factor& f, int64_t first) {
  return {f.data + first * (f.transposed ? f.ld : 1), f.ld, f.transposed};
}

}  // namespace

void sgemm(int64_t m, int64_t n, int64_t k, float alpha, const Factor& a, const Factor& b, float beta,
           float* c, int64_t ldc) {
  const OneOpenMpThread one_thread;
  if (dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, alpha, a.data, a.ld, b.data,
                 b.ld, beta, c, ldc) != dnnl_success) {
    throw Error(ErrorKind::kFailure, "linear algebra", "oneDNN refused a matrix product");
  }
}

void gemm(ThreadPool& pool, int64_t m, int64_t n, int64_t k, float alpha, const Factor& a, const Factor& b,
          float beta, float* c, int64_t ldc) {
  each_tile(pool, m, n, kTile, [&](int64_t row, int64_t col, int64_t rows, int64_t cols) {
    sgemm(rows, cols, k, alpha, rows_from(a, row), columns_from(b, col), beta, c + row * ldc + col, ldc);
  });
}

void add_gram_lower(ThreadPool& pool, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
                    float* c, int64_t ldc) {
  const int64_t across = tiles(n, kTile);
  pool.parallel_for(across * (across + 1) / 2, 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      // The t-th tile of the lower triangle, row by row.
      int64_t i = 0;
      while ((i + 1) * (i + 2) / 2 <= t) ++i;
      const int64_t row = i * kTile, col = (t - i * (i + 1) / 2) * kTile;
      sgemm(std::min(kTile, n - row), std::min(kTile, n - col), k, alpha, {a + row, lda, true},
            {a + col, lda, false}, 1.0f, c + row * ldc + col, ldc);
    }
  });
}

}  // namespace fptq
