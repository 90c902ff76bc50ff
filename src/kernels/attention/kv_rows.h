// The two kinds of cache as rows of float lanes. Like lanes.h, for inclusion into ISA files.
#pragma once

#include "kernels/attention/attention.h"
#include "kernels/lanes.h"

namespace fptq::kernels {
namespace {

struct FloatRows {
  const float* data;
  const float* scales;  // null
  int64_t head_dim;

  FPTQ_INLINE NativeFloat native(int64_t row, int64_t d) const {
    return native_load(data + row * head_dim + d);
  }
  FPTQ_INLINE Lanes lanes(int64_t row, int64_t d) const { return load(data + row * head_dim + d); }
  // Elements d .. head_dim of a row, fewer than 16; zeros behind them.
  FPTQ_INLINE Lanes tail(int64_t row, int64_t d) const {
    return load_first(data + row * head_dim + d, head_dim - d);
  }
};

struct CodeRows {
  const int8_t* data;
  const float* scales;  // one per row
  int64_t head_dim;

  static FPTQ_INLINE NativeFloat convert(const int8_t* p) {
#if defined(__AVX512F__)
    return (NativeFloat)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p)));
#elif defined(__AVX2__)
    return (NativeFloat)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)));
#else
    return NativeFloat{(float)p[0], (float)p[1], (float)p[2], (float)p[3]};
#endif
  }
  FPTQ_INLINE NativeFloat native(int64_t row, int64_t d) const {
    return convert(data + row * head_dim + d);
  }
  FPTQ_INLINE Lanes lanes(int64_t row, int64_t d) const {
    const int8_t* p = data + row * head_dim + d;
    FPTQ_EACH_PART(Lanes, convert(p + i * kWidth))
  }
  FPTQ_INLINE Lanes tail(int64_t row, int64_t d) const {
    int8_t t[kLanes] = {};
    memcpy(t, data + row * head_dim + d, (size_t)(head_dim - d));
    FPTQ_EACH_PART(Lanes, convert(t + i * kWidth))
  }
};

}  // namespace
}  // namespace fptq::kernels
