// Uniform numbers that depend on the seed alone: the standard's distributions differ between libraries.
#pragma once

#include <cstdint>
#include <random>

namespace fptq {

// Uniform in [0, bound), bound >= 1; draws again instead of favouring small numbers.
inline uint64_t draw_below(std::mt19937_64& random, uint64_t bound) {
  const uint64_t reject = (UINT64_MAX % bound + 1) % bound;  // so many of 2^64 values are one round too many
  uint64_t x;
  do x = random();
  while (x > UINT64_MAX - reject);
  return x % bound;
}

// Uniform in [0, 1), of 53 random bits.
inline double draw_fraction(std::mt19937_64& random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

}  // namespace fptq
