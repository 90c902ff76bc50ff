#include "quant/matrix_range.h"

#include <algorithm>
#include <vector>

namespace fptq {
namespace {

constexpr int64_t kChunkWeights = 1 << 16;

}  // namespace

Range range_of(const WeightRows& weights, ThreadPool& pool) {
  std::vector<Range> rows(static_cast<size_t>(weights.rows()));
  pool.parallel_for(weights.rows(), std::max<int64_t>(1, kChunkWeights / weights.cols()),
                    [&](int64_t begin, int64_t end) {
                      std::vector<float> row(static_cast<size_t>(weights.cols()));
                      for (int64_t r = begin; r < end; ++r) {
                        weights.read(r, row.data());
                        rows[static_cast<size_t>(r)] = range_of(row);
                      }
                    });
  Range all;
  for (const Range& r : rows) all = united(all, r);
  return all;
}

}  // namespace fptq
