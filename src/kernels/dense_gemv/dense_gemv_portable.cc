#include "kernels/dense_gemv/dense_gemv_body.h"

namespace fptq::kernels {

extern const DenseKernels kDenseKernelsPortable;
const DenseKernels kDenseKernelsPortable = kDenseKernels;

}  // namespace fptq::kernels
