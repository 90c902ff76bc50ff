// Perplexity and divergence of a loaded model on token ids, under the harness of include/fptq/eval.h.
#pragma once

#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "eval/logit_source.h"
#include "eval/reference.h"
#include "fptq/eval.h"
#include "fptq/progress.h"
#include "model/forward.h"

namespace fptq {

struct EvalHarness {
  int64_t ctx = 0;     // tokens of a window, as from window_length()
  int64_t stride = 0;  // tokens from one window to the next, at most ctx; 0: ctx
  KvType kv = KvType::kFloat;
  KvType reference_kv = KvType::kFloat;
};

// The window to use when `requested` was asked for: itself, or for 0 the smaller of `fallback` and
// `max_position`. Throws Error(kUsage) when it is not in [2, max_position].
int64_t window_length(int64_t requested, int64_t fallback, int64_t max_position);

// Throws Error(kBadModel) for fewer than two tokens.
void check_enough(std::span<const int32_t> ids);

// Fills all of the result but the paths and peak_rss_bytes. `reference` may be null; it must have the model's
// vocabulary. Both models run one window at a time and logits exist for a few rows only, so memory does not
// grow with the text. The result does not depend on the number of threads. Throws Error(kBadModel) for a text
// of fewer than two tokens and Error(kFailure) naming the window when logits are not finite.
EvalResult evaluate_model(Model& model, Model* reference, std::span<const int32_t> ids,
                          const EvalHarness& harness, Progress& progress);

// The same for logits from anywhere, cut as TextWindows(ids.size(), ctx, stride), scored on `pool`.
EvalResult evaluate_logits(LogitSource& model, Reference* reference, std::span<const int32_t> ids,
                           int64_t ctx, int64_t stride, ThreadPool& pool, Progress& progress);

}  // namespace fptq
