// What the loops of all ISAs share, included by one file per ISA. The empty asm statements hide values from
// the compiler, so that it can neither move an operation out of its loop nor merge it with another.
#pragma once

#include "kernels/lanes.h"
#include "kernels/machine_limits/limit_loops.h"

namespace fptq::kernels {
namespace {

#if defined(__AVX512F__)
#define FPTQ_OPAQUE(v) __asm__ volatile("" : "+v"(v))
#else
#define FPTQ_OPAQUE(v) __asm__ volatile("" : "+x"(v))
#endif

typedef uint64_t NativeWord __attribute__((vector_size(kWidth * 4)));
constexpr size_t kPrefetchDistance = 4096;  // far enough for memory's latency at full speed

uint64_t read_words(const void* memory, size_t bytes) {
  const char* p = (const char*)memory;
  constexpr int kSums = 8;
  constexpr size_t kStep = kSums * sizeof(NativeWord);
  static_assert(kReadBlock % kStep == 0, "a block is whole steps");
  NativeWord sums[kSums] = {};
  for (size_t at = 0; at < bytes; at += kStep) {
    for (size_t line = 0; line < kStep; line += 64) __builtin_prefetch(p + at + kPrefetchDistance + line);
    for (int i = 0; i < kSums; ++i) {
      NativeWord word;
      memcpy(&word, p + at + (size_t)i * sizeof word, sizeof word);
      sums[i] += word;
    }
  }
  uint64_t total = 0;
  for (int i = 0; i < kSums; ++i) {
    for (size_t l = 0; l < sizeof(NativeWord) / 8; ++l) total += sums[i][l];
  }
  return total;
}

FPTQ_INLINE float sum_of_chains(const NativeFloat (&chains)[kChains]) {
  float total = 0;
  for (int i = 0; i < kChains; ++i) {
    for (int l = 0; l < kWidth; ++l) total += chains[i][l];
  }
  return total;
}

}  // namespace
}  // namespace fptq::kernels
