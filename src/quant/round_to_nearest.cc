#include "quant/round_to_nearest.h"

#include <algorithm>
#include <vector>

#include "quant/grid.h"
#include "quant/quantized_matrix.h"

namespace fptq {
namespace {

// Weights of a chunk: enough work to be worth a hand-over between threads.
constexpr int64_t kChunkWeights = 1 << 16;

}  // namespace

LinearWeights round_to_nearest(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                               ThreadPool& pool) {
  QuantizedMatrix out(weights, spec, scale_dtype);
  const int64_t cols = weights.cols(), groups = out.groups(), size = out.group_size();
  pool.parallel_for(weights.rows(), std::max<int64_t>(1, kChunkWeights / cols),
                    [&](int64_t begin, int64_t end) {
                      std::vector<float> row(static_cast<size_t>(cols));
                      std::vector<int8_t> codes(row.size());
                      std::vector<GroupGrid> grids(static_cast<size_t>(groups));
                      for (int64_t r = begin; r < end; ++r) {
                        weights.read(r, row.data());
                        for (int64_t g = 0; g < groups; ++g) {
                          const std::span<const float> w(row.data() + g * size, static_cast<size_t>(size));
                          GroupGrid& grid = grids[static_cast<size_t>(g)];
                          grid = fit_group(w, spec.bits, spec.symmetric, scale_dtype);
                          round_group(w, grid, spec.bits, codes.data() + g * size);
                        }
                        out.put_row(r, codes, grids);
                      }
                    });
  return out.take();
}

}  // namespace fptq
