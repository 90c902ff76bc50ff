// Calibration text that the model writes itself: nothing but the model is needed, and statistics are those of
// text (data generation of LLM-QAT: Liu et al., arXiv 2305.17888, section 3.1).
#pragma once

#include <cstdint>
#include <random>
#include <span>

#include "fptq/progress.h"
#include "model/forward.h"
#include "quant/calibration.h"

namespace fptq {

// One of `allowed` with the probability that the softmax of `logits` [vocabulary] gives it among them. Throws
// Error(kFailure) for logits that are not finite.
int32_t draw_id(std::span<const float> logits, std::span<const int32_t> allowed, std::mt19937_64& random);

// windows_wanted() windows of `options.seqlen` ids: the first is drawn uniformly from `allowed`, which is not
// empty, each one behind it from what the model expects. The result depends on the model and the options'
// seed, not on the number of threads. Memory: the caches of 32 windows beside the model.
TokenWindows write_windows(Model& model, std::span<const int32_t> allowed, const CalibrationOptions& options,
                           Progress& progress);

}  // namespace fptq
