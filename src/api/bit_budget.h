// `--bits-per-weight`: which layers get more bits than the others.
#pragma once

#include "backend/backend.h"
#include "formats/checkpoint.h"
#include "fptq/progress.h"
#include "fptq/quantize.h"
#include "quant/calibration.h"

namespace fptq {

// `options` with rules that spend its bits_per_weight where that lowers the divergence from the original
// most, by quant/bit_budget's estimate on the first 2,048 tokens of `calibration`; as they are where there is
// no such budget. Layers that read one input share their bits, which engines that fuse them need. Layers that
// rules give bits, or ignore, count but stay. Deterministic, so that a run that goes on finds the same rules.
// Expects what check_bit_budget() lets pass. Throws what rounding_costs() throws.
QuantizeOptions within_bit_budget(const QuantizeOptions& options, const Checkpoint& source,
                                  const TokenWindows& calibration, Backend& backend, Progress& progress);

// The calibration that within_bit_budget() looks at, for methods that need none themselves.
CalibrationOptions bit_budget_calibration(const QuantizeOptions& options);

// Tokens that the estimate runs on. Throws Error(kUsage) when the budget is below what the scheme takes.
int64_t check_bit_budget(const QuantizeOptions& options, const ModelConfig& config, DType dtype);

}  // namespace fptq
