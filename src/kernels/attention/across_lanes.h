// Sums and maxima across lanes without leaving the registers, and the exponential of what is not positive.
// Like lanes.h, for inclusion into ISA files.
#pragma once

#include "kernels/attention/panels.h"
#include "kernels/lanes_shuffle.h"

namespace fptq::kernels {
namespace {

template <int S = kWidth / 2>
FPTQ_INLINE NativeFloat sum_across(NativeFloat x) {
  const NativeFloat sum = exchange_first<S>(x, x) + exchange_second<S>(x, x);
  if constexpr (S > 1) {
    return sum_across<S / 2>(sum);
  } else {
    return sum;
  }
}
template <int S = kWidth / 2>
FPTQ_INLINE NativeFloat max_across(NativeFloat x) {
  const NativeFloat y = exchange_first<S>(x, x), z = exchange_second<S>(x, x), most = y > z ? y : z;
  if constexpr (S > 1) {
    return max_across<S / 2>(most);
  } else {
    return most;
  }
}
// In the order of sum_of_lanes().
FPTQ_INLINE float sum_of(const Lanes& a) {
  return sum_across(fold_parts(a))[0];
}
FPTQ_INLINE float max_of(const Lanes& a) {
  NativeFloat most = a.part[0];
  for (int i = 1; i < kParts; ++i) most = most > a.part[i] ? most : a.part[i];
  return max_across(most)[0];
}

FPTQ_INLINE Lanes multiply_add(const Lanes& a, const Lanes& b, const Lanes& c){
    FPTQ_EACH_PART(Lanes, multiply_add(a.part[i], b.part[i], c.part[i]))}

// exp(x) for x <= 0, to 2 ulp; 0 below -60: beside a weight of 1 it could not move a float sum, and subnormal
// products would cost a hundred times as much as others. NaN stays NaN. The method is that of exp_lanes(),
// with fused operations and, as no power of two leaves the normal numbers here, one factor of 2^n: the
// rounding shift holds the exponent's bias, so that its low bits are the factor's exponent.
FPTQ_INLINE Lanes exp_of_negative(const Lanes& x) {
  const Lanes shift = lanes_of(kRoundingShift + 127.0f);
  const Lanes shifted = multiply_add(x, lanes_of(1.44269504f), shift);
  const Lanes n = shifted - shift;
  Lanes r = multiply_add(n, lanes_of(-0.693359375f), x);
  r = multiply_add(n, lanes_of(2.12194440e-4f), r);
  Lanes q = lanes_of(0x1.6a1a72p-10f);
  q = multiply_add(q, r, lanes_of(0x1.123fc6p-7f));
  q = multiply_add(q, r, lanes_of(0x1.555916p-5f));
  q = multiply_add(q, r, lanes_of(0x1.55548ap-3f));
  q = multiply_add(q, r, lanes_of(0x1.fffffcp-2f));
  const Lanes e = lanes_of(1.0f) + multiply_add(r * r, q, r);
  Lanes power;
  for (int i = 0; i < kParts; ++i) power.part[i] = (NativeFloat)((NativeInt)shifted.part[i] << 23);
  return where_less(x, lanes_of(-60.0f), lanes_zero(), e * power);
}

}  // namespace
}  // namespace fptq::kernels
