// Cholesky factors of symmetric positive definite matrices, blocked so that nearly all work is in matrix
// products. Float32, diagonal blocks in float64.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"

namespace fptq {

// Overwrites the lower triangle of `a` [n, n], `lda` elements from row to row, with L, A = L L^T. The upper
// triangle is not read, and left undefined. False, with `a` undefined, when A is not positive definite.
bool cholesky_lower(ThreadPool& pool, int64_t n, float* a, int64_t lda);

// inverse [n, n] = L^-1, lower triangular with zeros above, of the lower triangle of `l`. Its diagonal has no
// zero.
void invert_lower(ThreadPool& pool, int64_t n, const float* l, int64_t ldl, float* inverse, int64_t ldi);

}  // namespace fptq
