// What one ISA's file of dense_gemv exports.
#pragma once

#include "kernels/dense_gemv/dense_gemv.h"

namespace fptq::kernels {

struct DenseKernels {
  DenseGemv gemv_f32, gemv_f16, gemv_bf16;
  ExpandRow expand_f16, expand_bf16;
};

}  // namespace fptq::kernels
