#include "kernels/isa.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "fptq/error.h"

namespace fptq::kernels {
namespace {

struct IsaEntry {
  Isa isa;
  const char* name;
  bool (*runs_here)();
};

// __builtin_cpu_supports asks CPUID and, for the wide registers, the operating system (XGETBV) as well. Every
// flag that cmake/modules.cmake gives to the files of an ISA is asked for.
bool always() {
  return true;
}

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
         __builtin_cpu_supports("bmi2");
}

bool has_avx512vnni() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}

// Linux gives the tile registers only to processes that ask for them.
bool has_amxint8() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return has_avx512vnni() && __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-int8") &&
         syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

constexpr IsaEntry kIsas[] = {
    {Isa::kPortable, "portable", always},
    {Isa::kAvx2, "avx2", has_avx2},
    {Isa::kAvx512Vnni, "avx512vnni", has_avx512vnni},
    {Isa::kAmxInt8, "amxint8", has_amxint8},
};

Isa choose() {
  const std::span<const Isa> supported = supported_isas();
  const char* forced = std::getenv("FPTQ_ISA");
  if (forced == nullptr || *forced == '\0') return supported.back();
  return parse_isa(forced);
}

}  // namespace

const char* isa_name(Isa isa) {
  return kIsas[static_cast<int>(isa)].name;
}

std::span<const Isa> supported_isas() {
  static const std::vector<Isa> supported = [] {
    std::vector<Isa> list;
    for (const IsaEntry& entry : kIsas) {
      if (entry.runs_here()) list.push_back(entry.isa);
    }
    return list;
  }();
  return supported;
}

Isa parse_isa(std::string_view name) {
  std::string known;
  for (const Isa isa : supported_isas()) {
    if (name == isa_name(isa)) return isa;
    known += (known.empty() ? "" : ", ") + std::string(isa_name(isa));
  }
  throw Error(ErrorKind::kUsage, "FPTQ_ISA",
              "'" + std::string(name) + "' is unknown or cannot run on this machine", "use one of: " + known);
}

Isa active_isa() {
  static const Isa active = choose();
  return active;
}

}  // namespace fptq::kernels
