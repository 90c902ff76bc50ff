#include "api/peak_memory.h"

#include <malloc.h>

#include <fstream>
#include <string>

#include "api/engine.h"

namespace fptq {

void reset_peak_rss() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";  // proc(5): resets VmHWM
}

uint64_t peak_rss_since_reset() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    uint64_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  return peak_rss_bytes();
}

}  // namespace fptq
