// Sixteen elements of a storage type as float lanes. Like lanes.h, for inclusion into ISA files.
#pragma once

#include <stddef.h>

#include "kernels/lanes.h"

namespace fptq::kernels {
namespace {

struct LoadF32 {
  static constexpr int64_t kBytes = 4;
  static FPTQ_INLINE Lanes lanes(const void* p) { return load((const float*)p); }
};

struct LoadBF16 {
  static constexpr int64_t kBytes = 2;
  static FPTQ_INLINE Lanes lanes(const void* p) {
    Lanes r;
    for (int i = 0; i < kParts; ++i) {
      const char* q = (const char*)p + i * kWidth * 2;
#if defined(__AVX512F__)
      r.part[i] =
          (NativeFloat)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)q)), 16);
#elif defined(__AVX2__)
      r.part[i] =
          (NativeFloat)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i*)q)), 16);
#else
      uint16_t h[kWidth];
      memcpy(h, q, sizeof h);
      NativeInt wide;
      for (int l = 0; l < kWidth; ++l) wide[l] = (int32_t)((uint32_t)h[l] << 16);
      r.part[i] = (NativeFloat)wide;
#endif
    }
    return r;
  }
};

struct LoadF16 {
  static constexpr int64_t kBytes = 2;
  static FPTQ_INLINE Lanes lanes(const void* p) {
    Lanes r;
    for (int i = 0; i < kParts; ++i) {
      const char* q = (const char*)p + i * kWidth * 2;
#if defined(__AVX512F__)
      r.part[i] = (NativeFloat)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)q));
#elif defined(__AVX2__)
      r.part[i] = (NativeFloat)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)q));
#else
      uint16_t h[kWidth];
      memcpy(h, q, sizeof h);
      NativeInt wide;
      for (int l = 0; l < kWidth; ++l) wide[l] = h[l];
      // The bits moved to their places are the value times 2^-112, subnormals included; from 2^16 on it is an
      // infinity or a NaN, which VCVTPH2PS makes quiet.
      const NativeInt sign = (wide & 0x8000) << 16;
      const NativeFloat value = (NativeFloat)((wide & 0x7fff) << 13) * 0x1p112f;
      const NativeInt special = (NativeInt)(value >= 65536.0f);
      const NativeInt nan = (NativeInt)(value > 65536.0f);
      const NativeInt bits = (NativeInt)value | (special & 0x7f800000) | (nan & 0x00400000);
      r.part[i] = (NativeFloat)(bits | sign);
#endif
    }
    return r;
  }
};

}  // namespace
}  // namespace fptq::kernels
