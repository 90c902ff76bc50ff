// Matrix products in bfloat16 with float32 sums, for gradients: on machines with matrix units (AMX) four
// times as fast as sgemm. By oneDNN.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "linalg/sgemm.h"

namespace fptq {

// What products of learning are computed in.
enum class Precision { kFloat, kBFloat16 };

// kBFloat16 where the machine has units for it, kFloat elsewhere: without them there is nothing to gain.
Precision fast_precision();

// C [m, n] = A [m, k] * B [k, n] + beta * C with beta 0 or 1, on all threads of `pool`. kBFloat16 rounds both
// factors first (8 bits of a mantissa, to nearest even), and throws Error(kFailure)
// where oneDNN has no such product. The same bits for any number of threads.
void product(Precision precision, ThreadPool& pool, int64_t m, int64_t n, int64_t k, const Factor& a,
             const Factor& b, float beta, float* c, int64_t ldc);

}  // namespace fptq
