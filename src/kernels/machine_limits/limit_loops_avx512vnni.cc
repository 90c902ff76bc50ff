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
      chains[i] = (NativeFloat)_mm512_fmadd_ps((__m512)x, (__m512)x, (__m512)chains[i]);
    }
  }
  return sum_of_chains(chains);
}

// Fours of u8 x s8 into int32 lanes: 64 multiply-adds for one instruction.
int64_t quad_dot(int64_t rounds) {
  __m512i chains[kChains] = {};
  __m512i x = _mm512_set1_epi8(1);
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) {
      FPTQ_OPAQUE(x);
      chains[i] = _mm512_dpbusd_epi32(chains[i], x, x);
    }
  }
  int64_t total = 0;
  for (int i = 0; i < kChains; ++i) {
    int32_t lanes[16];
    memcpy(lanes, &chains[i], sizeof lanes);
    for (int l = 0; l < 16; ++l) total += lanes[l];
  }
  return total;
}

}  // namespace

extern const LimitLoops kLimitLoopsAvx512Vnni;
const LimitLoops kLimitLoopsAvx512Vnni = {read_words, fused_multiply_add, 2 * kChains* kWidth, quad_dot,
                                          2 * kChains * 64};

}  // namespace fptq::kernels
