// Options checked, and those that depend on the model resolved, before any work begins.
#pragma once

#include "fptq/quantize.h"
#include "model/config.h"
#include "tensor/dtype.h"

namespace fptq {

// Throws Error(kUsage) naming the option, what it is and what is accepted: method, weight bits, group size,
// thresholds, dtype. (Calibration options are checked where calibration data is loaded.)
void check_options(const QuantizeOptions& options);

// The type of scales and dense tensors of the result: F32, F16 or BF16. "auto" is the source's own where that
// is one of them, and BF16 for sources in block formats.
DType resolve_output_dtype(const QuantizeOptions& options, const ModelConfig& config);

}  // namespace fptq
