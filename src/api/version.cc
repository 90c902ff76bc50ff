#include "fptq/version.h"

#include "kernels/isa.h"

namespace fptq {

std::string version_string() {
  return FPTQ_VERSION;
}

std::string active_instruction_set() {
  return kernels::isa_name(kernels::active_isa());
}

}  // namespace fptq
