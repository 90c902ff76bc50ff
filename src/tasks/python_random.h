// Python's random.Random(seed).sample(), so that few-shot examples are those that lm-evaluation-harness
// draws.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace fptq {

// The Mersenne Twister seeded by CPython's init_by_array (Modules/_randommodule.c; Matsumoto and Nishimura
// 2002). Not thread-safe.
class PythonRandom {
 public:
  explicit PythonRandom(uint64_t seed);

  // `k` different numbers of [0, n) in the order in which sample(range(n), k) gives them. 0 <= k <= n <
  // 2^32.
  std::vector<int64_t> sample(int64_t n, int64_t k);

 private:
  int64_t below(int64_t n);

  std::mt19937 generator_;
};

}  // namespace fptq
