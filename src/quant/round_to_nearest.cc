#include "quant/round_to_nearest.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "fptq/error.h"
#include "quant/grid.h"
#include "quant/matrix_range.h"
#include "quant/round_to_float8.h"
#include "quant/round_to_nf4.h"
#include "quant/scale_error.h"

namespace fptq {
namespace {

// Weights of a chunk: enough work to be worth a hand-over between threads.
constexpr int64_t kChunkWeights = 1 << 16;

struct Output {
  std::byte* codes = nullptr;
  std::byte* scales = nullptr;
  std::byte* zeros = nullptr;
};

LinearWeights allocate(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype, Output& out) {
  LinearWeights q;
  q.rows = weights.rows();
  q.cols = weights.cols();
  q.spec = spec;
  q.bias = weights.bias();
  const bool plain = spec.bits == 8;
  q.codes = Tensor::allocate(plain ? DType::kI8 : DType::kU8,
                             {q.rows, plain ? q.cols : packed_row_bytes(q.cols, spec.bits)}, &out.codes);
  q.scales = Tensor::allocate(scale_dtype, {q.rows, q.groups()}, &out.scales);
  if (!spec.symmetric) q.zero_points = Tensor::allocate(DType::kI8, {q.rows, q.groups()}, &out.zeros);
  return q;
}

LinearWeights round_to_integers(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                                ThreadPool& pool) {
  Output out;
  const LinearWeights q = allocate(weights, spec, scale_dtype, out);
  const int64_t groups = q.groups(), size = q.group_size();
  const size_t row_bytes = q.codes.view().row_bytes(), scale_bytes = dtype_info(scale_dtype).block_bytes;

  std::optional<GroupGrid> shared;
  if (spec.per_tensor) {
    shared = fit_range(range_of(weights, pool), spec.bits, spec.symmetric, scale_dtype);
    expect_storable(shared->scale, scale_dtype, weights.where(), "the matrix");
  }
  pool.parallel_for(q.rows, std::max<int64_t>(1, kChunkWeights / q.cols), [&](int64_t begin, int64_t end) {
    std::vector<float> row(static_cast<size_t>(q.cols)), scales(static_cast<size_t>(groups));
    std::vector<int8_t> codes(row.size());
    for (int64_t r = begin; r < end; ++r) {
      weights.read(r, row.data());
      for (int64_t g = 0; g < groups; ++g) {
        const std::span<const float> w(row.data() + g * size, static_cast<size_t>(size));
        const GroupGrid grid = shared ? *shared : fit_group(w, spec.bits, spec.symmetric, scale_dtype);
        expect_storable(grid.scale, scale_dtype, weights.where(), r, g * size, size);
        round_group(w, grid, spec.bits, codes.data() + g * size);
        scales[static_cast<size_t>(g)] = grid.scale;
        if (out.zeros != nullptr) out.zeros[r * groups + g] = static_cast<std::byte>(grid.zero);
      }
      encode_row(scale_dtype, scales.data(), out.scales + static_cast<size_t>(r * groups) * scale_bytes,
                 groups);
      write_code_row(codes, spec.bits, out.codes + static_cast<size_t>(r) * row_bytes);
    }
  });
  return q;
}

}  // namespace

LinearWeights round_to_nearest(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                               ThreadPool& pool) {
  switch (spec.type) {
    case CodeType::kInteger:
      return round_to_integers(weights, spec, scale_dtype, pool);
    case CodeType::kFloat8E4M3:
    case CodeType::kFloat8E5M2:
      return round_to_float8(weights, spec, scale_dtype, pool);
    case CodeType::kNormalFloat4:
      return round_to_nf4(weights, spec, scale_dtype, pool);
  }
  throw Error(ErrorKind::kFailure, weights.where(), "weights of an unknown type");
}

}  // namespace fptq
