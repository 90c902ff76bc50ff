// Activation-aware weight quantization (Lin et al., arXiv 2306.00978): columns that loud channels read are
// made larger before rounding, and groups are clipped where that lowers the error of what they add up to.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

// How much of its group's largest weight each column has, in the mean over all rows: |w| / (max|w| + 1e-6).
// `group_size` 0: of its row's. The consumers have the same columns.
std::vector<float> relative_column_means(std::span<const WeightRows> consumers, int64_t group_size);

// s_j = x_j^ratio, or with `columns` x_j^ratio / (w_j^(1 - ratio) + 1e-4) (the "duo scaling" of AutoAWQ and
// llm-compressor); at least 1e-4, then divided by sqrt(max s * min s). `channel_mean` is the mean |x| of each
// channel, `columns` those of relative_column_means() or none.
std::vector<float> awq_scales(std::span<const float> channel_mean, std::span<const float> columns,
                              double ratio);

// Rounds to nearest on grids of clipped groups: the range of each, of 1.00, 0.95 .. 0.55 of the whole, that
// changes least what the group adds to the outputs for `sample` [tokens, cols], inputs that are divided by
// `scales` [cols] (none: ones). As round_to_nearest() in all else.
LinearWeights round_clipped(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                            std::span<const float> sample, std::span<const float> scales, ThreadPool& pool);

}  // namespace fptq
