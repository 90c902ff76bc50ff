#include "kernels/float_ops/float_ops_body.h"

namespace fptq::kernels {

extern const FloatOps kFloatOpsAvx2;
const FloatOps kFloatOpsAvx2 = kFloatOps;

}  // namespace fptq::kernels
