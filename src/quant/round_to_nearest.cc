#include "quant/round_to_nearest.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "fptq/error.h"
#include "quant/matrix_range.h"
#include "quant/quantized_matrix.h"
#include "quant/round_to_float8.h"
#include "quant/round_to_nf4.h"
#include "quant/scale_error.h"

namespace fptq {
namespace {

// Weights of a chunk: enough work to be worth a hand-over between threads.
constexpr int64_t kChunkWeights = 1 << 16;

LinearWeights round_to_integers(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                                ThreadPool& pool, SymmetricFit fit) {
  QuantizedMatrix out(weights, spec, scale_dtype);
  const int64_t cols = weights.cols(), groups = out.groups(), size = out.group_size();
  std::optional<GroupGrid> shared;
  if (spec.per_tensor) {
    shared = fit_range(range_of(weights, pool), spec.bits, spec.symmetric, scale_dtype, fit);
    expect_storable(shared->scale, scale_dtype, weights.where(), "the matrix");
  }
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
                          grid = shared ? *shared : fit_group(w, spec.bits, spec.symmetric, scale_dtype, fit);
                          round_group(w, grid, spec.bits, codes.data() + g * size);
                        }
                        out.put_row(r, codes, grids);
                      }
                    });
  return out.take();
}

}  // namespace

LinearWeights round_to_nearest(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                               ThreadPool& pool, SymmetricFit fit) {
  switch (spec.type) {
    case CodeType::kInteger:
      return round_to_integers(weights, spec, scale_dtype, pool, fit);
    case CodeType::kFloat8E4M3:
    case CodeType::kFloat8E5M2:
      return round_to_float8(weights, spec, scale_dtype, pool);
    case CodeType::kNormalFloat4:
      return round_to_nf4(weights, spec, scale_dtype, pool);
  }
  throw Error(ErrorKind::kFailure, weights.where(), "weights of an unknown type");
}

}  // namespace fptq
