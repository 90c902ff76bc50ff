#include "fptq/doctor.h"

#include <fmt/format.h>

#include "fptq/error.h"
#include "kernels/machine_limits/machine_limits.h"

namespace fptq {
namespace {

struct KernelRow {
  const char* kernel;
  const char* work;
  bool ours;  // false: oneDNN, which looks at the machine itself
};

constexpr KernelRow kKernels[] = {
    {"int_gemm", "INT4 and INT8 weights times INT8 activations: prefill and decode", true},
    {"dense_gemv", "F32, F16 and BF16 weights times few tokens: decode, output head", true},
    {"sgemm", "F32, F16 and BF16 weights times many tokens: prefill", false},
    {"quantize_activations", "activations to INT8, static and per token", true},
    {"attention", "scores, softmax and weighted values over a float or INT8 cache", true},
    {"float_ops", "norms, rotary embedding, SwiGLU, residuals", true},
};

std::vector<int> doubling_up_to(int cores) {
  std::vector<int> counts;
  for (int n = 1; n < cores; n *= 2) counts.push_back(n);
  counts.push_back(cores);
  return counts;
}

}  // namespace

DoctorReport doctor(const DoctorOptions& options) {
  DoctorReport report;
  report.machine = machine_facts();
  for (const KernelRow& row : kKernels) {
    report.kernels.push_back({row.kernel, row.ours ? report.machine.isa : "oneDNN", row.work});
  }
  if (!options.measure) return report;
  const std::vector<int> counts =
      options.threads.empty() ? doubling_up_to(report.machine.usable_cores) : options.threads;
  for (const int threads : counts) {
    if (threads < 1 || threads > 1024) {
      throw Error(ErrorKind::kUsage, "--threads", fmt::format("{} is not in 1..1024", threads));
    }
  }
  for (const kernels::MachineLimits& l :
       kernels::measure_machine_limits(kernels::active_isa(), counts, options.seconds)) {
    report.limits.push_back({l.threads, l.dram_read, l.int8_tops, l.fp32_gflops});
  }
  return report;
}

}  // namespace fptq
