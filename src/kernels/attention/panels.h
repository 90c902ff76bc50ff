// Panels of keys or values (kv_layout.h) as native registers: `get(panel, inner, part)` is columns
// [part * kWidth, (part + 1) * kWidth) of a panel at one inner index, or pair of them. Like lanes.h, for
// inclusion into ISA files.
#pragma once

#include "kernels/attention/kv_layout.h"
#include "kernels/dense_gemv/half_lanes.h"
#include "kernels/lanes.h"

namespace fptq::kernels {
namespace {

static_assert(kKvPanel == kLanes);

// a * b + c with one rounding: the one arithmetic of the float products. Without the instruction the C
// library computes it, with the same bits, slowly.
FPTQ_INLINE NativeFloat multiply_add(NativeFloat a, NativeFloat b, NativeFloat c) {
#if defined(__AVX512F__)
  return (NativeFloat)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
  return (NativeFloat)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  NativeFloat r;
  for (int i = 0; i < kWidth; ++i) r[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return r;
#endif
}

struct FloatPanels {
  const float* data;
  int64_t inner;  // inner indices of a panel

  FPTQ_INLINE NativeFloat get(int64_t panel, int64_t k, int part) const {
    return native_load(data + (panel * inner + k) * kKvPanel + part * kWidth);
  }
};

struct HalfPanels {
  const uint16_t* data;
  int64_t inner;

  FPTQ_INLINE Lanes row(int64_t panel, int64_t k) const {
    return LoadF16::lanes(data + (panel * inner + k) * kKvPanel);
  }
  FPTQ_INLINE NativeFloat get(int64_t panel, int64_t k, int part) const { return row(panel, k).part[part]; }
};

// E4M3: a half has one exponent bit more and seven mantissa bits, so that the code's bits moved to their
// places are the number times 2^-8, subnormals included.
struct Float8Panels {
  const uint8_t* data;
  int64_t inner;

  FPTQ_INLINE Lanes row(int64_t panel, int64_t k) const {
    const uint8_t* codes = data + (panel * inner + k) * kKvPanel;
    uint16_t halves[kLanes];
    for (int i = 0; i < kLanes; ++i) {
      const uint16_t magnitude = codes[i] & 0x7f;
      const uint16_t nan = magnitude == 0x7f ? 0x7e00 : 0;
      halves[i] = (uint16_t)((codes[i] & 0x80) << 8 | magnitude << 7 | nan);
    }
    return LoadF16::lanes(halves) * lanes_of(256.0f);
  }
  FPTQ_INLINE NativeFloat get(int64_t panel, int64_t k, int part) const { return row(panel, k).part[part]; }
};

// Pairs of 16-bit integers in each 32-bit lane.
#if defined(__AVX512F__)
typedef __m512i NativePairs;
#elif defined(__AVX2__)
typedef __m256i NativePairs;
#else
typedef int16_t NativePairs __attribute__((vector_size(kWidth * 4)));
#endif

struct CodePanels {
  const int8_t* data;
  int64_t inner;  // pairs

  FPTQ_INLINE NativePairs get(int64_t panel, int64_t pair, int part) const {
    const int8_t* p = data + ((panel * inner + pair) * kKvPanel + part * kWidth) * 2;
#if defined(__AVX512F__)
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)p));
#elif defined(__AVX2__)
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)p));
#else
    NativePairs r;
    for (int i = 0; i < 2 * kWidth; ++i) r[i] = p[i];
    return r;
#endif
  }
};

// sum + a0 * b0 + a1 * b1 in each lane, exact while it stays in int32; `a` is one pair for all lanes.
FPTQ_INLINE NativeInt add_pair_products(NativeInt sum, const int16_t* a, NativePairs b) {
#if defined(__AVX512F__)
  int32_t pair;
  memcpy(&pair, a, sizeof pair);
  return (NativeInt)_mm512_dpwssd_epi32((__m512i)sum, b, _mm512_set1_epi32(pair));
#elif defined(__AVX2__)
  int32_t pair;
  memcpy(&pair, a, sizeof pair);
  return (NativeInt)_mm256_add_epi32((__m256i)sum, _mm256_madd_epi16(b, _mm256_set1_epi32(pair)));
#else
  for (int i = 0; i < kWidth; ++i) sum[i] += a[0] * b[2 * i] + a[1] * b[2 * i + 1];
  return sum;
#endif
}

}  // namespace
}  // namespace fptq::kernels
