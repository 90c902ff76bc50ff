// Uniform integers that depend on the seed alone: std::uniform_int_distribution differs between standard
// libraries.
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

}  // namespace fptq
