#include "kernels/float_ops/float_ops.h"

#include "kernels/isa.h"

namespace fptq::kernels {

extern const FloatOps kFloatOpsPortable, kFloatOpsAvx2, kFloatOpsAvx512Vnni;

const FloatOps& float_ops(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return kFloatOpsPortable;
    case Isa::kAvx2:
      return kFloatOpsAvx2;
    case Isa::kAvx512Vnni:
    case Isa::kAmxInt8:
      return kFloatOpsAvx512Vnni;
  }
  return kFloatOpsPortable;
}

}  // namespace fptq::kernels
