// How ggml numbers its tensor types.
#pragma once

#include <cstdint>
#include <string>

#include "tensor/dtype.h"

namespace fptq {

// Type number `id` of a GGUF file. Throws Error(kBadModel, where) naming the type when fptq cannot read it.
DType ggml_dtype(uint32_t id, const std::string& where);

}  // namespace fptq
