#include "kernels/machine_limits/limit_loops_body.h"

namespace fptq::kernels {
namespace {

float fused_multiply_add(int64_t rounds) {
  NativeFloat chains[kChains] = {};
  NativeFloat x = native_broadcast(1.0f);
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) {
      FPTQ_OPAQUE(x);
      chains[i] = (NativeFloat)_mm256_fmadd_ps((__m256)x, (__m256)x, (__m256)chains[i]);
    }
  }
  return sum_of_chains(chains);
}

// Pairs of u8 x s8 into int16 lanes, as 4-bit weights allow: 32 multiply-adds for two instructions.
int64_t pair_dot(int64_t rounds) {
  __m256i chains[kChains] = {};
  __m256i x = _mm256_set1_epi8(1);
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) {
      FPTQ_OPAQUE(x);
      chains[i] = _mm256_add_epi16(chains[i], _mm256_maddubs_epi16(x, x));
    }
  }
  int64_t total = 0;
  for (int i = 0; i < kChains; ++i) {
    int16_t lanes[16];
    memcpy(lanes, &chains[i], sizeof lanes);
    for (int l = 0; l < 16; ++l) total += lanes[l];
  }
  return total;
}

}  // namespace

extern const LimitLoops kLimitLoopsAvx2;
const LimitLoops kLimitLoopsAvx2 = {read_words, fused_multiply_add, 2 * kChains* kWidth, pair_dot,
                                    2 * kChains * 32};

}  // namespace fptq::kernels
