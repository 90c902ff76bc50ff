// GPTQ (Frantar et al., arXiv 2210.17323): columns are rounded one after another, the error of each is handed
// on to those that are still free, so that the layer's output changes least on the calibration tokens.
#pragma once

#include "base/thread_pool.h"
#include "quant/curvature.h"
#include "quant/weight_rows.h"
#include "tensor/linear_weights.h"

namespace fptq {

struct GptqOptions {
  // Grids searched for the least error weighted with the curvature's importance, but, unless descent follows,
  // for rows that do better with grids that just cover each group, as compressed-tensors' do. Otherwise
  // FPTQ's covering grids for all.
  bool search_grid = true;
  // Passes of coordinate descent behind it (Behdin et al., QuantEase, arXiv 2309.01885): each weight in turn
  // to the code that is best while all others stay, and each scale to what fits its codes.
  int descent_passes = 0;
};

// As round_to_nearest() in all else. The curvature's shift, where it has one, is part of the original.
// Columns go in the curvature's order while groups stay those of the original order, with grids found
// beforehand ("static groups"). A row that is nearer to the original, by the curvature's measure, when it is
// simply rounded stays so.
LinearWeights gptq(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                   const Curvature& curvature, const GptqOptions& options, ThreadPool& pool);

}  // namespace fptq
