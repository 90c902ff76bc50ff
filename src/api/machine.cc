#include "fptq/machine.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "base/thread_pool.h"
#include "kernels/isa.h"

namespace fptq {
namespace {

// The text behind the first `key` line of a "key : value" file of /proc; empty when there is none.
std::string proc_value(const char* path, const std::string& key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(key)) continue;
    const size_t colon = line.find(':', key.size());
    if (colon == std::string::npos) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return {};
}

uint64_t system_value(int name) {
  return static_cast<uint64_t>(std::max(sysconf(name), 0L));
}

uint64_t available_memory() {
  const std::string text = proc_value("/proc/meminfo", "MemAvailable");  // "1234 kB"
  return std::strtoull(text.c_str(), nullptr, 10) * 1024;
}

std::vector<std::string> cpu_features() {
  std::vector<std::string> found;
// The compiler wants the name as a literal.
#define FPTQ_FEATURE(name) \
  if (__builtin_cpu_supports(name)) found.emplace_back(name)
  FPTQ_FEATURE("sse4.2");
  FPTQ_FEATURE("avx");
  FPTQ_FEATURE("avx2");
  FPTQ_FEATURE("fma");
  FPTQ_FEATURE("f16c");
  FPTQ_FEATURE("bmi2");
  FPTQ_FEATURE("avxvnni");
  FPTQ_FEATURE("avx512f");
  FPTQ_FEATURE("avx512bw");
  FPTQ_FEATURE("avx512vl");
  FPTQ_FEATURE("avx512dq");
  FPTQ_FEATURE("avx512vnni");
  FPTQ_FEATURE("avx512bf16");
  FPTQ_FEATURE("amx-int8");
#undef FPTQ_FEATURE
  return found;
}

}  // namespace

MachineFacts machine_facts() {
  MachineFacts facts;
  facts.cpu = proc_value("/proc/cpuinfo", "model name");
  facts.cores = static_cast<int>(system_value(_SC_NPROCESSORS_ONLN));
  facts.usable_cores = available_cores();
  facts.l1d_bytes = system_value(_SC_LEVEL1_DCACHE_SIZE);
  facts.l2_bytes = system_value(_SC_LEVEL2_CACHE_SIZE);
  facts.l3_bytes = system_value(_SC_LEVEL3_CACHE_SIZE);
  facts.memory_bytes = system_value(_SC_PHYS_PAGES) * system_value(_SC_PAGESIZE);
  facts.available_memory_bytes = available_memory();
  facts.cpu_features = cpu_features();
  for (const kernels::Isa isa : kernels::supported_isas()) {
    facts.supported_isas.emplace_back(kernels::isa_name(isa));
  }
  facts.isa = kernels::isa_name(kernels::active_isa());
  return facts;
}

}  // namespace fptq
