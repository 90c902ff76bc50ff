#include "kernels/float_ops/float_ops_body.h"

namespace fptq::kernels {

extern const FloatOps kFloatOpsAvx512Vnni;
const FloatOps kFloatOpsAvx512Vnni = kFloatOps;

}  // namespace fptq::kernels
