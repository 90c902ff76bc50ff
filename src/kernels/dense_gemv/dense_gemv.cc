#include "kernels/dense_gemv/dense_gemv.h"

#include "kernels/dense_gemv/dense_kernels.h"
#include "kernels/isa.h"
#include "tensor/dtype.h"

namespace fptq::kernels {

extern const DenseKernels kDenseKernelsPortable, kDenseKernelsAvx2, kDenseKernelsAvx512Vnni;

namespace {

const DenseKernels& kernels_of(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return kDenseKernelsPortable;
    case Isa::kAvx2:
      return kDenseKernelsAvx2;
    case Isa::kAvx512Vnni:
    case Isa::kAmxInt8:
      return kDenseKernelsAvx512Vnni;
  }
  return kDenseKernelsPortable;
}

}  // namespace

DenseGemv dense_gemv(Isa isa, DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return kernels_of(isa).gemv_f32;
    case DType::kF16:
      return kernels_of(isa).gemv_f16;
    case DType::kBF16:
      return kernels_of(isa).gemv_bf16;
    default:
      return nullptr;
  }
}

ExpandRow expand_row(Isa isa, DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return kernels_of(isa).expand_f16;
    case DType::kBF16:
      return kernels_of(isa).expand_bf16;
    default:
      return nullptr;
  }
}

}  // namespace fptq::kernels
