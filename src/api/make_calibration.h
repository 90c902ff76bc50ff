// The calibration data that options ask for.
#pragma once

#include "base/thread_pool.h"
#include "formats/checkpoint.h"
#include "fptq/progress.h"
#include "quant/calibration.h"

namespace fptq {

// From a file, from the vocabulary, or written by `source` itself. Throws as load_calibration() and
// write_windows() do.
CalibrationData make_calibration(const Checkpoint& source, const CalibrationOptions& options,
                                 ThreadPool& pool, Progress& progress);

}  // namespace fptq
