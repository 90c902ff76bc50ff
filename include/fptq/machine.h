// The machine that this process runs on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fptq {

struct MachineFacts {
  std::string cpu;                                        // "AMD EPYC 7763 64-Core Processor"; empty: unknown
  int cores = 0;                                          // logical, online
  int usable_cores = 0;                                   // of them, those this process may run on
  uint64_t l1d_bytes = 0, l2_bytes = 0, l3_bytes = 0;     // of the first core; 0: unknown
  uint64_t memory_bytes = 0, available_memory_bytes = 0;  // available: without swapping, now; 0: unknown
  std::vector<std::string> cpu_features;                  // of those that matter here: "avx2", "avx512vnni"
  std::vector<std::string> supported_isas;                // values that FPTQ_ISA may take here, best last
  std::string isa;                                        // the one that the kernels use
};

// Throws Error(kUsage) when FPTQ_ISA names an instruction set that this machine lacks.
MachineFacts machine_facts();

}  // namespace fptq
