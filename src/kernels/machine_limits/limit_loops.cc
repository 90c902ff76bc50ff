#include "kernels/machine_limits/limit_loops.h"

#include "kernels/isa.h"

namespace fptq::kernels {

extern const LimitLoops kLimitLoopsPortable, kLimitLoopsAvx2, kLimitLoopsAvx512Vnni;

const LimitLoops& limit_loops(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return kLimitLoopsPortable;
    case Isa::kAvx2:
      return kLimitLoopsAvx2;
    case Isa::kAvx512Vnni:
      return kLimitLoopsAvx512Vnni;
  }
  return kLimitLoopsPortable;
}

}  // namespace fptq::kernels
