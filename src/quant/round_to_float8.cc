#include "quant/round_to_float8.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "quant/float8_grid.h"
#include "quant/matrix_range.h"
#include "quant/scale_error.h"

namespace fptq {
namespace {

constexpr int64_t kChunkWeights = 1 << 16;

}  // namespace

LinearWeights round_to_float8(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                              ThreadPool& pool) {
  LinearWeights q;
  q.rows = weights.rows();
  q.cols = weights.cols();
  q.spec = spec;
  q.bias = weights.bias();
  const int64_t groups = q.groups(), size = q.group_size();
  std::byte *code_bytes = nullptr, *scale_bytes = nullptr;
  q.codes = Tensor::allocate(spec.type == CodeType::kFloat8E4M3 ? DType::kF8E4M3 : DType::kF8E5M2,
                             {q.rows, q.cols}, &code_bytes);
  q.scales = Tensor::allocate(scale_dtype, {q.rows, groups}, &scale_bytes);

  std::optional<float> shared;
  if (spec.per_tensor) {
    shared = fit_float8(range_of(weights, pool).reach(), spec.type, scale_dtype);
    expect_storable(*shared, scale_dtype, weights.where(), "the matrix");
  }
  pool.parallel_for(q.rows, std::max<int64_t>(1, kChunkWeights / q.cols), [&](int64_t begin, int64_t end) {
    std::vector<float> row(static_cast<size_t>(q.cols)), scales(static_cast<size_t>(groups));
    for (int64_t r = begin; r < end; ++r) {
      weights.read(r, row.data());
      auto* codes = reinterpret_cast<uint8_t*>(code_bytes) + r * q.cols;
      for (int64_t g = 0; g < groups; ++g) {
        const std::span<const float> w(row.data() + g * size, static_cast<size_t>(size));
        const float scale = shared ? *shared : fit_float8(range_of(w).reach(), spec.type, scale_dtype);
        expect_storable(scale, scale_dtype, weights.where(), r, g * size, size);
        round_float8(w, scale, spec.type, codes + g * size);
        scales[static_cast<size_t>(g)] = scale;
      }
      encode_row(scale_dtype, scales.data(),
                 scale_bytes + static_cast<size_t>(r * groups) * dtype_info(scale_dtype).block_bytes, groups);
    }
  });
  return q;
}

}  // namespace fptq
