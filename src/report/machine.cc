#include "report/machine.h"

#include <fmt/format.h>

#include "report/text.h"

namespace fptq::report {

Json machine_members(const MachineFacts& machine) {
  return {{"cpu", machine.cpu},
          {"cores", machine.cores},
          {"usable_cores", machine.usable_cores},
          {"l1d_bytes", machine.l1d_bytes},
          {"l2_bytes", machine.l2_bytes},
          {"l3_bytes", machine.l3_bytes},
          {"memory_bytes", machine.memory_bytes},
          {"cpu_features", machine.cpu_features},
          {"supported_isas", machine.supported_isas},
          {"isa", machine.isa}};
}

std::string machine_line(const MachineFacts& machine) {
  return fmt::format("{}, {}, {}", machine.cpu.empty() ? "unknown CPU" : printable(machine.cpu),
                     times(machine.usable_cores, "core"), machine.isa);
}

}  // namespace fptq::report
