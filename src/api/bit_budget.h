// `--bits-per-weight`: which layers get more bits than the others.
#pragma once

#include "backend/backend.h"
#include "formats/checkpoint.h"
#include "fptq/progress.h"
#include "fptq/quantize.h"

namespace fptq {

// `options` with rules that spend its bits_per_weight where that lowers the divergence from the original
// most, by quant/bit_budget's estimate on the first 2,048 calibration tokens; as they are where there is no
// such budget. Layers that read one input share their bits, which engines that fuse them need. Layers that
// rules give bits, or ignore, count but stay. Deterministic, so that a run that goes on finds the same rules.
// Throws Error: kUsage when the budget is below what the scheme takes, and what rounding_costs() and
// load_calibration() throw.
QuantizeOptions within_bit_budget(const QuantizeOptions& options, const Checkpoint& source, Backend& backend,
                                  Progress& progress);

// Tokens that the estimate runs on. Throws Error(kUsage) when the budget is below what the scheme takes.
int64_t check_bit_budget(const QuantizeOptions& options, const ModelConfig& config, DType dtype);

}  // namespace fptq
