#include "quant/round_to_nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "fptq/error.h"
#include "quant/grid.h"

namespace fptq {
namespace {

// Weights of a chunk: enough work to be worth a hand-over between threads.
constexpr int64_t kChunkWeights = 1 << 16;

// Two codes a byte, the even column low, each plus 8; the padding behind the last column stays 0.
void pack_nibbles(std::span<const int8_t> codes, std::byte* dst) {
  std::memset(dst, 0, static_cast<size_t>(packed_row_bytes(static_cast<int64_t>(codes.size()))));
  for (size_t c = 0; c < codes.size(); ++c) {
    dst[c / 2] |= static_cast<std::byte>((codes[c] + 8) << (4 * (c % 2)));
  }
}

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
  const Shape packed = spec.bits == 4 ? Shape{q.rows, packed_row_bytes(q.cols)} : Shape{q.rows, q.cols};
  q.codes = Tensor::allocate(spec.bits == 4 ? DType::kU8 : DType::kI8, packed, &out.codes);
  q.scales = Tensor::allocate(scale_dtype, {q.rows, q.groups()}, &out.scales);
  if (!spec.symmetric) q.zero_points = Tensor::allocate(DType::kI8, {q.rows, q.groups()}, &out.zeros);
  return q;
}

}  // namespace

LinearWeights round_to_nearest(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype,
                               ThreadPool& pool) {
  Output out;
  const LinearWeights q = allocate(weights, spec, scale_dtype, out);
  const int64_t groups = q.groups(), size = q.group_size();
  const size_t row_bytes = q.codes.view().row_bytes(), scale_bytes = dtype_info(scale_dtype).block_bytes;

  pool.parallel_for(q.rows, std::max<int64_t>(1, kChunkWeights / q.cols), [&](int64_t begin, int64_t end) {
    std::vector<float> row(static_cast<size_t>(q.cols)), scales(static_cast<size_t>(groups));
    std::vector<int8_t> codes(row.size());
    for (int64_t r = begin; r < end; ++r) {
      weights.read(r, row.data());
      for (int64_t g = 0; g < groups; ++g) {
        const std::span<const float> w(row.data() + g * size, static_cast<size_t>(size));
        const GroupGrid grid = fit_group(w, spec.bits, spec.symmetric, scale_dtype);
        if (!std::isfinite(grid.scale)) {
          throw Error(ErrorKind::kBadModel, weights.where(),
                      fmt::format("row {}, columns {} to {}: the scale exceeds {}", r, g * size,
                                  (g + 1) * size - 1, dtype_info(scale_dtype).name),
                      "try --dtype f32");
        }
        round_group(w, grid, spec.bits, codes.data() + g * size);
        scales[static_cast<size_t>(g)] = grid.scale;
        if (out.zeros != nullptr) out.zeros[r * groups + g] = static_cast<std::byte>(grid.zero);
      }
      encode_row(scale_dtype, scales.data(), out.scales + static_cast<size_t>(r * groups) * scale_bytes,
                 groups);
      std::byte* dst = out.codes + static_cast<size_t>(r) * row_bytes;
      if (spec.bits == 4) {
        pack_nibbles(codes, dst);
      } else {
        std::memcpy(dst, codes.data(), codes.size());
      }
    }
  });
  return q;
}

}  // namespace fptq
