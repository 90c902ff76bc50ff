// The block formats of ggml (Q4_0 ... Q6_K) to float.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace fptq {

// As decode_row(), for types with block_size > 1.
void decode_ggml_blocks(DType dtype, const std::byte* src, float* dst, int64_t n);

}  // namespace fptq
