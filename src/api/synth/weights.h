// Random tensors: a table of quantiles of the normal distribution, indexed by random bits. Every row has
// random numbers of its own, so that the bytes do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "tensor/linear_weights.h"

namespace fptq {

class RandomWeights {
 public:
  // `pool` must outlive this.
  RandomWeights(uint64_t seed, ThreadPool& pool);

  // A BF16 [rows, cols] matrix, normal with deviation `deviation`, and a quarter of it from row `quiet_from`
  // on. `stream` tells tensors apart: the same one gives the same values.
  Tensor dense(uint64_t stream, int64_t rows, int64_t cols, double deviation, int64_t quiet_from) const;
  // What rounding such a matrix would give: codes of that distribution, and one BF16 scale for each group of
  // `spec`. The activation is left unset.
  LinearWeights quantized(uint64_t stream, int64_t rows, int64_t cols, double deviation,
                          const WeightSpec& spec, int64_t quiet_from) const;

 private:
  uint64_t seed_;
  ThreadPool& pool_;
  std::vector<float> quantiles_;  // 65536 of the standard normal distribution
};

// The same tensors filled with zeros (scales with ones), for those who need their names and sizes only.
LinearWeights blank_quantized(int64_t rows, int64_t cols, const WeightSpec& spec);

}  // namespace fptq
