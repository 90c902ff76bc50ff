#include "kernels/float_ops/float_ops_body.h"

namespace fptq::kernels {

extern const FloatOps kFloatOpsPortable;
const FloatOps kFloatOpsPortable = kFloatOps;

}  // namespace fptq::kernels
