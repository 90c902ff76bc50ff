// Which instruction set the kernels use: chosen once at start, never by the compiler's host.
#pragma once

#include <span>
#include <string_view>

namespace fptq::kernels {

// Ordered: a machine that runs one runs all before it.
enum class Isa { kPortable = 0, kAvx2 = 1, kAvx512Vnni = 2, kAmxInt8 = 3 };

const char* isa_name(Isa isa);  // "portable", "avx2", "avx512vnni", "amxint8": also the values of FPTQ_ISA
// Those this machine can run, portable first.
std::span<const Isa> supported_isas();
// The supported one of that name; throws Error(kUsage) naming the supported ones when there is none.
Isa parse_isa(std::string_view name);
// The best supported one, or the one that the environment variable FPTQ_ISA names; throws Error(kUsage) when
// that is unknown or this machine cannot run it. Read once.
Isa active_isa();

}  // namespace fptq::kernels
