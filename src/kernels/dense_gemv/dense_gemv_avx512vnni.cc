#include "kernels/dense_gemv/dense_gemv_body.h"

namespace fptq::kernels {

extern const DenseKernels kDenseKernelsAvx512Vnni;
const DenseKernels kDenseKernelsAvx512Vnni = kDenseKernels;

}  // namespace fptq::kernels
