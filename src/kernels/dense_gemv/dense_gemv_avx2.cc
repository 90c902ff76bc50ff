#include "kernels/dense_gemv/dense_gemv_body.h"

namespace fptq::kernels {

extern const DenseKernels kDenseKernelsAvx2;
const DenseKernels kDenseKernelsAvx2 = kDenseKernels;

}  // namespace fptq::kernels
