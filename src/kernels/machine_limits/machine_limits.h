// What this machine can do at most, measured: a kernel or a whole model is judged by its share of it.
#pragma once

#include <span>
#include <vector>

#include "kernels/isa.h"

namespace fptq::kernels {

struct MachineLimits {
  int threads = 0;
  double dram_read = 0;  // GB/s (10^9 bytes) that all threads together read from memory larger than caches
  double int8_tops =
      0;  // 10^12 operations/s of the ISA's INT8 dot product, two per multiply-add; 0: it has none
  double fp32_gflops = 0;  // 10^9 operations/s of fused multiply-adds (portable: a product, then a sum)
};

// One entry for each of `thread_counts` (each >= 1), by the instructions of `isa`. Every thread is pinned to
// a core of its own for as long as there are cores; all start together and the last one counts; the best of
// several runs is kept, as anything else on the machine only slows them down. Takes about `seconds` in all,
// no less than a few hundredths for each entry, and up to 1 GiB of memory (a quarter of the machine's at
// most). Throws Error(kFailure) when threads cannot be started.
std::vector<MachineLimits> measure_machine_limits(Isa isa, std::span<const int> thread_counts,
                                                  double seconds = 3.0);

}  // namespace fptq::kernels
