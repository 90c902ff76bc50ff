#include "kernels/machine_limits/limit_loops_body.h"

namespace fptq::kernels {
namespace {

float multiply_then_add(int64_t rounds) {
  NativeFloat chains[kChains] = {};
  NativeFloat x = native_broadcast(1.0f);
  for (int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) {
      FPTQ_OPAQUE(x);
      chains[i] += x * x;
    }
  }
  return sum_of_chains(chains);
}

}  // namespace

extern const LimitLoops kLimitLoopsPortable;
const LimitLoops kLimitLoopsPortable = {read_words, multiply_then_add, 2 * kChains* kWidth, nullptr, 0};

}  // namespace fptq::kernels
