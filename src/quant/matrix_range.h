// The range of a whole matrix, for grids that all of it shares.
#pragma once

#include "base/thread_pool.h"
#include "quant/grid.h"
#include "quant/weight_rows.h"

namespace fptq {

// Throws what WeightRows::read() throws. The same for any number of threads.
Range range_of(const WeightRows& weights, ThreadPool& pool);

}  // namespace fptq
