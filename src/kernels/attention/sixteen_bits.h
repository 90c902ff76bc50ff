// Rows of floats as 16-bit integers, for exact products with INT8 codes: x = integer * factor.
#pragma once

#include "kernels/attention/across_lanes.h"
#include "kernels/attention/kv_layout.h"

namespace fptq::kernels {
namespace {

constexpr float kLargestInteger = 32767.0f;
// Sums of products with codes -128 .. 127 stay in int32 over a row's length.
static_assert(kKvBlock * 128LL * 32767 < INT32_MAX);

// The low halves of integers are the result, |x| <= 32767.
FPTQ_INLINE void store_rounded(int16_t* to, const Lanes& x) {
  const IntLanes bits = bits_of(x + lanes_of(kRoundingShift));
  for (int i = 0; i < kParts; ++i) {
#if defined(__AVX512F__)
    _mm256_storeu_si256((__m256i*)(to + i * kWidth), _mm512_cvtepi32_epi16((__m512i)bits.part[i]));
#else
    typedef int16_t NativeShort __attribute__((vector_size(kWidth * 2)));
    const NativeShort s = __builtin_convertvector(bits.part[i], NativeShort);
    memcpy(to + i * kWidth, &s, sizeof s);
#endif
  }
}

// What multiplies a row so that its largest magnitude becomes kLargestInteger. So small a row counts as 0, or
// the quotient might overflow.
FPTQ_INLINE float to_integers(float largest) {
  return largest > 1e-30f ? kLargestInteger / largest : 0.0f;
}

// The factor back. `sum`, of the row's elements, is not finite where one of them is not; the factor then is
// NaN, and so is all that is made of the row.
FPTQ_INLINE float from_integers(float largest, float sum) {
  return largest / kLargestInteger + sum * 0.0f;
}

}  // namespace
}  // namespace fptq::kernels
