// Exchanges between the lanes of several native registers: transposition, and the sums of many Lanes at once.
#pragma once

#include "kernels/lanes.h"

namespace fptq::kernels {
namespace {

// One step of a transposition of blocks of `s` lanes, on registers x (row i) and y (row i + s): the first
// result becomes row i, the second row i + s. Indices count through x and then y.
constexpr int first_index(int lane, int s) {
  return (lane & s) != 0 ? kWidth + lane - s : lane;
}
constexpr int second_index(int lane, int s) {
  return (lane & s) != 0 ? kWidth + lane : lane + s;
}

#define FPTQ_INDICES_4(f, s, l) f(l, s), f(l + 1, s), f(l + 2, s), f(l + 3, s)
#if defined(__AVX512F__)
#define FPTQ_INDICES(f, s) \
  FPTQ_INDICES_4(f, s, 0), FPTQ_INDICES_4(f, s, 4), FPTQ_INDICES_4(f, s, 8), FPTQ_INDICES_4(f, s, 12)
#elif defined(__AVX2__)
#define FPTQ_INDICES(f, s) FPTQ_INDICES_4(f, s, 0), FPTQ_INDICES_4(f, s, 4)
#else
#define FPTQ_INDICES(f, s) FPTQ_INDICES_4(f, s, 0)
#endif

template <int S>
FPTQ_INLINE NativeFloat exchange_first(NativeFloat x, NativeFloat y) {
  return __builtin_shufflevector(x, y, FPTQ_INDICES(first_index, S));
}
template <int S>
FPTQ_INLINE NativeFloat exchange_second(NativeFloat x, NativeFloat y) {
  return __builtin_shufflevector(x, y, FPTQ_INDICES(second_index, S));
}

// Transposes kWidth registers in place.
template <int S = kWidth / 2>
FPTQ_INLINE void transpose(NativeFloat (&rows)[kWidth]) {
  for (int i = 0; i < kWidth; ++i) {
    if ((i & S) != 0) continue;
    const NativeFloat x = rows[i], y = rows[i + S];
    rows[i] = exchange_first<S>(x, y);
    rows[i + S] = exchange_second<S>(x, y);
  }
  if constexpr (S > 1) transpose<S / 2>(rows);
}

// Lane i of the result is the sum of the lanes of rows[i], in the order of sum_of_lanes(). It is a
// transposition whose two halves are added at each step. `rows` is overwritten.
template <int S = kWidth / 2>
FPTQ_INLINE NativeFloat sums_of_rows(NativeFloat (&rows)[kWidth]) {
  for (int i = 0; i < S; ++i) {
    rows[i] = exchange_first<S>(rows[i], rows[i + S]) + exchange_second<S>(rows[i], rows[i + S]);
  }
  if constexpr (S > 1) {
    return sums_of_rows<S / 2>(rows);
  } else {
    return rows[0];
  }
}

// The first steps of sum_of_lanes(): 8+8, and so on down to one native register.
FPTQ_INLINE NativeFloat fold_parts(const Lanes& a) {
  if constexpr (kParts == 1) return a.part[0];
  if constexpr (kParts == 2) return a.part[0] + a.part[1];
  if constexpr (kParts == 4) return (a.part[0] + a.part[2]) + (a.part[1] + a.part[3]);
}

}  // namespace
}  // namespace fptq::kernels
