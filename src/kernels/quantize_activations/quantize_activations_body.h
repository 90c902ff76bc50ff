// The body of quantize_activations, included by one file per ISA.
#pragma once

#include "kernels/lanes.h"
#include "kernels/quantize_activations/quantize_activations.h"

namespace fptq::kernels {
namespace {

// Scale of a token whose values are all 0 (or so small that the quotient is): float32's machine epsilon.
constexpr float kEpsilon = 0x1p-23f;

// x / scale + zero, clamped and then rounded to nearest even.
FPTQ_INLINE IntLanes codes_of(const Lanes& x, const Lanes& scale, const Lanes& zero) {
  const Lanes value = x / scale + zero;
  const Lanes clamped = max_or_b(lanes_of(-128.0f), min_or_b(lanes_of(127.0f), value));
  const Lanes shifted = clamped + lanes_of(kRoundingShift);
  FPTQ_EACH_PART(IntLanes, (NativeInt)shifted.part[i] - kRoundingShiftBits)
}

FPTQ_INLINE void store_codes(int8_t* q, const IntLanes& codes) {
#if defined(__AVX512F__)
  const __m128i bytes = _mm512_cvtepi32_epi8((__m512i)codes.part[0]);
  memcpy(q, &bytes, sizeof bytes);
#elif defined(__AVX2__)
  const __m256i words = _mm256_packs_epi32((__m256i)codes.part[0], (__m256i)codes.part[1]);
  const __m256i ordered = _mm256_permute4x64_epi64(words, 0xd8);
  const __m128i bytes =
      _mm_packs_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1));
  memcpy(q, &bytes, sizeof bytes);
#else
  for (int i = 0; i < kLanes; ++i) q[i] = (int8_t)codes.part[i / kWidth][i % kWidth];
#endif
}

void encode(const float* x, int64_t n, float scale, int32_t zero_point, int8_t* q) {
  const Lanes s = lanes_of(scale), z = lanes_of((float)zero_point);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store_codes(q + i, codes_of(load(x + i), s, z));
  if (i < n) {
    int8_t t[kLanes];
    store_codes(t, codes_of(load_first(x + i, n - i), s, z));
    memcpy(q + i, t, (size_t)(n - i));
  }
}

void token(const float* x, int64_t n, int8_t* q, float* scale) {
  Lanes most = lanes_zero();
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) most = max_or_b(magnitude(load(x + i)), most);
  if (i < n) most = max_or_b(magnitude(load_first(x + i, n - i)), most);
  const float s = max_of_lanes(most) / 127.5f;
  *scale = s > 0.0f ? s : kEpsilon;
  encode(x, n, *scale, 0, q);
}

void token_asymmetric(const float* x, int64_t n, int8_t* q, float* scale, int32_t* zero_point) {
  // 0 is always inside the range, so that the lanes may start from it and a ragged end be padded with it.
  Lanes most = lanes_zero(), least = lanes_zero();
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    most = max_or_b(load(x + i), most);
    least = min_or_b(load(x + i), least);
  }
  if (i < n) {
    most = max_or_b(load_first(x + i, n - i), most);
    least = min_or_b(load_first(x + i, n - i), least);
  }
  const float low = min_of_lanes(least);
  const float s = (max_of_lanes(most) - low) / 255.0f;
  *scale = s > 0.0f ? s : kEpsilon;
  float zero = -128.0f - low / *scale;
  zero = zero < -128.0f ? -128.0f : zero > 127.0f ? 127.0f : zero;
  *zero_point = (int32_t)((zero + kRoundingShift) - kRoundingShift);
  encode(x, n, *scale, *zero_point, q);
}

constexpr QuantizeActivations kQuantizeActivations = {encode, token, token_asymmetric};

}  // namespace
}  // namespace fptq::kernels
