// What this build is.
#pragma once

#include <string>

namespace fptq {

// "0.1.0"
std::string version_string();

// The instruction set that the kernels use on this machine: "portable", "avx2", "avx512vnni",
// "amxint8". The environment
// variable FPTQ_ISA chooses another; throws Error(kUsage) when that is unknown or this machine cannot run it.
std::string active_instruction_set();

}  // namespace fptq
