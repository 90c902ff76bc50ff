// Sixteen float lanes, whatever the width of the machine's registers: one body written on them, compiled once
// per ISA, gives the same bits everywhere, because every operation is one IEEE operation per lane and the
// files are compiled with -ffp-contract=off. Lanes are kept as 1, 2 or 4 native registers (GCC keeps a
// 64-byte vector type that the machine lacks in memory). Everything is in an anonymous namespace and forced
// inline, so that an ISA file that includes this header leaves no symbol behind that another file could link
// to.
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include "kernels/intrinsics.h"
#endif

// nothrow: else an unoptimized build refers to the C++ personality routine, through a weak symbol.
#define FPTQ_INLINE inline __attribute__((always_inline, nothrow))

namespace fptq::kernels {
namespace {

constexpr int kLanes = 16;
#if defined(__AVX512F__)
constexpr int kWidth = 16;  // floats of a native register
#elif defined(__AVX2__)
constexpr int kWidth = 8;
#else
constexpr int kWidth = 4;
#endif
constexpr int kParts = kLanes / kWidth;

typedef float NativeFloat __attribute__((vector_size(kWidth * 4)));
typedef int32_t NativeInt __attribute__((vector_size(kWidth * 4)));

struct Lanes {
  NativeFloat part[kParts];
};
struct IntLanes {
  NativeInt part[kParts];
};

// One expression for each native part of the result `r`.
#define FPTQ_EACH_PART(type, expression)                     \
  type r;                                                    \
  for (int i = 0; i < kParts; ++i) r.part[i] = (expression); \
  return r;

// x - 0 is x, -0 included; 0 + x is not.
FPTQ_INLINE NativeFloat native_broadcast(float x) {
  return x - NativeFloat{};
}
FPTQ_INLINE NativeFloat native_load(const float* p) {
  NativeFloat v;
  memcpy(&v, p, sizeof v);
  return v;
}
FPTQ_INLINE void native_store(float* p, NativeFloat v) {
  memcpy(p, &v, sizeof v);
}

FPTQ_INLINE Lanes lanes_zero(){FPTQ_EACH_PART(Lanes, NativeFloat{})} FPTQ_INLINE Lanes
    lanes_of(float x){FPTQ_EACH_PART(Lanes, native_broadcast(x))} FPTQ_INLINE Lanes
    load(const float* p){FPTQ_EACH_PART(Lanes, native_load(p + i * kWidth))} FPTQ_INLINE
    void store(float* p, const Lanes& a) {
  for (int i = 0; i < kParts; ++i) native_store(p + i * kWidth, a.part[i]);
}

FPTQ_INLINE Lanes operator+(const Lanes& a,
                            const Lanes& b){FPTQ_EACH_PART(Lanes, a.part[i] + b.part[i])} FPTQ_INLINE Lanes
operator-(const Lanes& a, const Lanes& b){FPTQ_EACH_PART(Lanes, a.part[i] - b.part[i])} FPTQ_INLINE Lanes
operator*(const Lanes& a, const Lanes& b){FPTQ_EACH_PART(Lanes, a.part[i] * b.part[i])} FPTQ_INLINE Lanes
operator/(const Lanes& a, const Lanes& b){FPTQ_EACH_PART(Lanes, a.part[i] / b.part[i])}
// Where the comparison fails, a NaN included, the result is b.
FPTQ_INLINE Lanes max_or_b(const Lanes& a, const Lanes& b){
    FPTQ_EACH_PART(Lanes, a.part[i] > b.part[i] ? a.part[i] : b.part[i])} FPTQ_INLINE Lanes
    min_or_b(const Lanes& a, const Lanes& b){
        FPTQ_EACH_PART(Lanes, a.part[i] < b.part[i] ? a.part[i] : b.part[i])}  // a where x < limit, else b.
FPTQ_INLINE Lanes where_less(const Lanes& x, const Lanes& limit, const Lanes& a, const Lanes& b){
    FPTQ_EACH_PART(Lanes, x.part[i] < limit.part[i] ? a.part[i] : b.part[i])} FPTQ_INLINE IntLanes
    bits_of(const Lanes& a){FPTQ_EACH_PART(IntLanes, (NativeInt)a.part[i])} FPTQ_INLINE Lanes
    float_of_bits(const IntLanes& a){FPTQ_EACH_PART(Lanes, (NativeFloat)a.part[i])} FPTQ_INLINE Lanes
    magnitude(const Lanes& a){FPTQ_EACH_PART(Lanes, (NativeFloat)((NativeInt)a.part[i] & 0x7fffffff))}

// The first n < 16 elements; the other lanes are 0.
FPTQ_INLINE Lanes load_first(const float* p, int64_t n) {
  float t[kLanes] = {};
  memcpy(t, p, (size_t)n * sizeof(float));
  return load(t);
}
FPTQ_INLINE void store_first(float* p, int64_t n, const Lanes& a) {
  float t[kLanes];
  store(t, a);
  memcpy(p, t, (size_t)n * sizeof(float));
}

// Lanes add pairwise: 8+8, 4+4, 2+2, 1+1.
FPTQ_INLINE float sum_of_lanes(const Lanes& a) {
  float t[kLanes];
  store(t, a);
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) t[i] += t[i + half];
  }
  return t[0];
}
FPTQ_INLINE float max_of_lanes(const Lanes& a) {
  float t[kLanes];
  store(t, a);
  float m = t[0];
  for (int i = 1; i < kLanes; ++i) m = t[i] > m ? t[i] : m;
  return m;
}
FPTQ_INLINE float min_of_lanes(const Lanes& a) {
  float t[kLanes];
  store(t, a);
  float m = t[0];
  for (int i = 1; i < kLanes; ++i) m = t[i] < m ? t[i] : m;
  return m;
}

// Adding 1.5 * 2^23 leaves |x| <= 2^22 rounded to nearest even in the low bits of the mantissa.
constexpr float kRoundingShift = 12582912.0f;
constexpr int32_t kRoundingShiftBits = 0x4b400000;

// exp(x) to 2 ulp; +inf above 88.72, through the subnormals to 0 below -103.97; NaN stays NaN.
// x = n ln2 + r with |r| <= ln2 / 2; e^r = 1 + r + r^2 q(r), q fitted to 2^-28 relative (minimax, degree 4).
FPTQ_INLINE Lanes exp_lanes(const Lanes& x0) {
  const Lanes x = max_or_b(lanes_of(-104.0f), min_or_b(lanes_of(89.0f), x0));
  const Lanes shifted = x * lanes_of(1.44269504f) + lanes_of(kRoundingShift);
  const Lanes n = shifted - lanes_of(kRoundingShift);
  // ln2 in two parts: 355/512, whose product with n is exact, and the rest.
  const Lanes r = (x - n * lanes_of(0.693359375f)) - n * lanes_of(-2.12194440e-4f);
  Lanes q = lanes_of(0x1.6a1a72p-10f);
  q = q * r + lanes_of(0x1.123fc6p-7f);
  q = q * r + lanes_of(0x1.555916p-5f);
  q = q * r + lanes_of(0x1.55548ap-3f);
  q = q * r + lanes_of(0x1.fffffcp-2f);
  const Lanes e = lanes_of(1.0f) + (r + (r * r) * q);
  // 2^n as two factors that are normal numbers, so that only the last product can round or overflow.
  Lanes low, high;
  for (int i = 0; i < kParts; ++i) {
    const NativeInt whole = (NativeInt)shifted.part[i] - kRoundingShiftBits;
    const NativeInt half = whole >> 1;
    low.part[i] = (NativeFloat)((half + 127) << 23);
    high.part[i] = (NativeFloat)((whole - half + 127) << 23);
  }
  return (e * low) * high;
}

}  // namespace
}  // namespace fptq::kernels
