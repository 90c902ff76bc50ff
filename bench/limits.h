// What a kernel's benchmark reports: rates, and their share of what one core of this machine can do, measured
// in the same process (kernels/machine_limits).
#pragma once

#include <benchmark/benchmark.h>

#include <map>

#include "kernels/machine_limits/machine_limits.h"

namespace fptq::kernels {

// Weights or caches of this size come from memory, not from a cache.
constexpr int64_t kBeyondCaches = int64_t{768} << 20;

// Of one thread; measured when first asked for, for about a second.
inline const MachineLimits& one_core(Isa isa) {
  static std::map<Isa, MachineLimits> known;
  const auto found = known.find(isa);
  if (found != known.end()) return found->second;
  constexpr int kOneThread[] = {1};
  return known[isa] = measure_machine_limits(isa, kOneThread, 1.0).front();
}

inline benchmark::Counter rate(const benchmark::State& state, double amount) {
  return {amount * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate};
}

// These take the work of one iteration and are called behind the loop. Bytes that stay in a cache show as an
// of_dram above 1.
inline void report_bytes(benchmark::State& state, Isa isa, double bytes) {
  state.counters["GBps"] = rate(state, 1e-9 * bytes);
  state.counters["of_dram"] = rate(state, 1e-9 * bytes / one_core(isa).dram_read);
}
// A multiplication and an addition are two operations.
inline void report_flops(benchmark::State& state, Isa isa, double operations) {
  state.counters["GFLOPs"] = rate(state, 1e-9 * operations);
  state.counters["of_peak"] = rate(state, 1e-9 * operations / one_core(isa).fp32_gflops);
}
// No of_peak where the ISA has no INT8 dot product.
inline void report_int8_operations(benchmark::State& state, Isa isa, double operations) {
  state.counters["TOPS"] = rate(state, 1e-12 * operations);
  const double limit = one_core(isa).int8_tops;
  if (limit > 0) state.counters["of_peak"] = rate(state, 1e-12 * operations / limit);
}

}  // namespace fptq::kernels
