// The machine as part of other reports.
#pragma once

#include "base/json.h"
#include "fptq/machine.h"

namespace fptq::report {

// Facts that stay the same from run to run.
Json machine_members(const MachineFacts& machine);

// "Xeon ..., 2 cores, avx2"; printable.
std::string machine_line(const MachineFacts& machine);

}  // namespace fptq::report
