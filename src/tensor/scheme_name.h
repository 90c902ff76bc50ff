// Schemes in a few words, for tables.
#pragma once

#include <string>

#include "tensor/linear_weights.h"

namespace fptq {

// "int4 g64 sym", "int8 row asym", "int8 tensor sym", "fp8_e4m3 channel", "fp8_e5m2 tensor", "nf4 g64",
// "nf4 g64 dq" (scales quantized too). Not for dense weights.
std::string scheme_name(const WeightSpec& spec);
// "token", "static 0.0123", "fp8 token", "int4 static 0.0123"; empty for inputs that are not quantized.
std::string scheme_name(const ActivationSpec& spec);

}  // namespace fptq
