// Matrix products in float32 by oneDNN: it generates code for the instruction set it finds at run time
// (docs/design.md has the measurement against OpenBLAS). Matrices are row-major.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"

namespace fptq {

// A matrix as a factor: as it lies, or transposed. `ld` elements from row to row, as it lies.
struct Factor {
  const float* data = nullptr;
  int64_t ld = 0;
  bool transposed = false;
};

// C [m, n] = alpha * A [m, k] * B [k, n] + beta * C, on the calling thread. beta == 0 overwrites C.
void sgemm(int64_t m, int64_t n, int64_t k, float alpha, const Factor& a, const Factor& b, float beta,
           float* c, int64_t ldc);

// The same on all threads of `pool`. C is cut into tiles that depend on m and n alone: the same bits for any
// number of threads.
void gemm(ThreadPool& pool, int64_t m, int64_t n, int64_t k, float alpha, const Factor& a, const Factor& b,
          float beta, float* c, int64_t ldc);

// C [n, n] += alpha * A^T A, A [k, n] with `lda` elements from row to row. Computes and writes the lower
// triangle in whole tiles; what lies above the diagonal tiles is left as it is.
void add_gram_lower(ThreadPool& pool, int64_t n, int64_t k, float alpha, const float* a, int64_t lda,
                    float* c, int64_t ldc);

}  // namespace fptq
