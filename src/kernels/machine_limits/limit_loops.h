// The loops that saturate one core, one set per ISA.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace fptq::kernels {

enum class Isa;  // kernels/isa.h

struct LimitLoops {
  // Sum (mod 2^64) of the 64-bit words of `p`, aligned to 64; `bytes` is a multiple of kReadBlock.
  uint64_t (*read)(const void* p, size_t bytes);
  // `rounds` times kChains independent accumulators += 1 * 1 in every lane; the sum of all lanes, which is
  // half the operations done (exact while it is below 2^24).
  float (*multiply_add)(int64_t rounds);
  int64_t multiply_add_operations;  // of a round: a multiplication and an addition are two
  // The same with INT8 products in integer lanes (they wrap around); null where the ISA has none.
  int64_t (*int8_dot)(int64_t rounds);
  int64_t int8_dot_operations;
};

constexpr size_t kReadBlock = 512;
// Enough to hide the latency of every instruction used; with their operands they fill 16 registers.
constexpr int kChains = 12;

const LimitLoops& limit_loops(Isa isa);

}  // namespace fptq::kernels
