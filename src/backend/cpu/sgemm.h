// C [m, n] = A [m, k] * B [n, k]^T in float32 on one thread, by oneDNN: it generates code for the instruction
// set it finds at run time (docs/design.md has the measurement against OpenBLAS).
#pragma once

#include <cstdint>

namespace fptq {

void sgemm_nt(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb,
              float* c, int64_t ldc);

}  // namespace fptq
