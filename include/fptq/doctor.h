// What this machine is, what fptq makes of it, and what it can do at most.
#pragma once

#include <string>
#include <vector>

#include "fptq/machine.h"

namespace fptq {

struct DoctorOptions {
  std::vector<int> threads;  // counts to measure with; empty: 1, 2, 4 ... and all usable cores
  bool measure = true;
  double seconds = 3.0;  // to measure for, in all
};

// By the instructions of the instruction set in use; 10^9 and 10^12 per second.
struct MeasuredLimits {
  int threads = 0;
  double dram_read_gb_per_s = 0;
  double int8_tops = 0;  // 0: the instruction set has no INT8 dot product
  double fp32_gflops = 0;
};

struct KernelChoice {
  std::string kernel;  // "int_gemm"
  std::string isa;     // "avx2"; "oneDNN" where that library chooses for itself
  std::string work;    // what it computes
};

struct DoctorReport {
  MachineFacts machine;
  std::vector<KernelChoice> kernels;
  std::vector<MeasuredLimits> limits;  // empty unless measured
};

// Measuring takes all threads asked for and up to 1 GiB of memory for about options.seconds. Throws
// Error(kUsage) on a thread count outside 1..1024 or an FPTQ_ISA that cannot run here.
DoctorReport doctor(const DoctorOptions& options);

}  // namespace fptq
