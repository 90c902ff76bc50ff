// The two 8-bit floats of arXiv 2209.05433 to and from float: E4M3 (no infinity, at most 448) and E5M2 (the
// upper half of a binary16, at most 57344). Rounding is to nearest even and saturates at the largest number,
// as torch rounds after clamping to it; infinities saturate too, NaN stays NaN.
#pragma once

#include <bit>
#include <cstdint>

#include "base/half.h"

namespace fptq {

inline constexpr float kE4M3Max = 448.0f;
inline constexpr float kE5M2Max = 57344.0f;

inline float e4m3_to_float(uint8_t code) {
  const uint32_t sign = static_cast<uint32_t>(code & 0x80u) << 24, magnitude = code & 0x7fu;
  if (magnitude == 0x7fu) return std::bit_cast<float>(sign | 0x7fc00000u);
  // Subnormal: magnitude * 2^-9, exact in float.
  const uint32_t bits = magnitude < 8u ? std::bit_cast<uint32_t>(static_cast<float>(magnitude) * 0x1p-9f)
                                       : (magnitude << 20) + (120u << 23);
  return std::bit_cast<float>(sign | bits);
}

inline float e5m2_to_float(uint8_t code) {
  return f16_to_float(static_cast<uint16_t>(code << 8));
}

namespace float8_internal {

// kMantissa: bits of it; kBias: the float's exponent bias minus the type's; kTop: code of `top`, the largest
// number; kNan: code.
template <int kMantissa, uint32_t kBias, uint8_t kTop, uint8_t kNan>
uint8_t from_float(float f, float top) {
  constexpr int kDropped = 23 - kMantissa;
  const uint32_t u = std::bit_cast<uint32_t>(f);
  const uint32_t sign = (u >> 24) & 0x80u, magnitude = u & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint8_t>(sign | kNan);
  if (magnitude >= std::bit_cast<uint32_t>(top)) return static_cast<uint8_t>(sign | kTop);
  if (magnitude < (kBias + 1) << 23) {
    // Below the smallest normal: a sum whose last bit is the subnormal step rounds to that.
    constexpr uint32_t kAligned = (kBias + 1 + kDropped) << 23;
    const float shifted = std::bit_cast<float>(magnitude) + std::bit_cast<float>(kAligned);
    return static_cast<uint8_t>(sign | (std::bit_cast<uint32_t>(shifted) - kAligned));
  }
  const uint32_t odd = (magnitude >> kDropped) & 1u;
  const uint32_t rounded = magnitude - (kBias << 23) + ((1u << (kDropped - 1)) - 1u) + odd;
  return static_cast<uint8_t>(sign | (rounded >> kDropped));
}

}  // namespace float8_internal

inline uint8_t float_to_e4m3(float f) {
  return float8_internal::from_float<3, 120, 0x7e, 0x7f>(f, kE4M3Max);
}

inline uint8_t float_to_e5m2(float f) {
  return float8_internal::from_float<2, 112, 0x7b, 0x7f>(f, kE5M2Max);
}

}  // namespace fptq
