#include "quant/round_to_nf4.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "quant/nf4.h"

namespace fptq {
namespace {

constexpr int64_t kChunkWeights = 1 << 16;

Tensor bytes_tensor(DType dtype, Shape shape, const void* data, size_t size) {
  std::byte* out = nullptr;
  Tensor t = Tensor::allocate(dtype, std::move(shape), &out);
  std::memcpy(out, data, size);
  return t;
}

void store_scales(const std::vector<float>& scales, LinearWeights& q) {
  if (!q.spec.nested) {
    q.scales = Tensor::from_floats({q.blocks()}, scales);
    return;
  }
  const NestedCodes nested = nest_scales(scales);
  q.scales = bytes_tensor(DType::kU8, {q.blocks()}, nested.codes.data(), nested.codes.size());
  q.nested = {Tensor::from_floats({std::ssize(nested.absmax)}, nested.absmax),
              Tensor::from_floats({256}, dynamic_map()), nested.offset};
}

}  // namespace

LinearWeights round_to_nf4(const WeightRows& weights, const WeightSpec& spec, DType, ThreadPool& pool) {
  LinearWeights q;
  q.rows = weights.rows();
  q.cols = weights.cols();
  q.spec = spec;
  q.bias = weights.bias();
  const int64_t size = spec.group_size, total = q.rows * q.cols;
  std::byte* bytes = nullptr;
  q.codes = Tensor::allocate(DType::kU8, {(total + 1) / 2, 1}, &bytes);
  std::vector<float> scales(static_cast<size_t>(q.blocks()));

  // So many rows are whole blocks, and whole bytes of codes.
  const int64_t unit = size / std::gcd(size, q.cols), units = (q.rows + unit - 1) / unit;
  pool.parallel_for(
      units, std::max<int64_t>(1, kChunkWeights / (unit * q.cols)), [&](int64_t begin, int64_t end) {
        std::vector<float> w(static_cast<size_t>(unit * q.cols));
        std::vector<uint8_t> codes(w.size() + 1);
        for (int64_t u = begin; u < end; ++u) {
          const int64_t first = u * unit, rows = std::min(unit, q.rows - first), count = rows * q.cols;
          for (int64_t r = 0; r < rows; ++r) weights.read(first + r, w.data() + r * q.cols);
          for (int64_t at = 0; at < count; at += size) {
            const int64_t n = std::min(size, count - at);
            const std::span<const float> block(w.data() + at, static_cast<size_t>(n));
            scales[static_cast<size_t>((first * q.cols + at) / size)] =
                round_nf4_block(block, n < size, codes.data() + at);
          }
          codes[static_cast<size_t>(count)] = 7;  // 0, which fills the last byte of an odd number of weights
          std::byte* out = bytes + first * q.cols / 2;
          for (int64_t i = 0; i < count; i += 2) {
            out[i / 2] = static_cast<std::byte>((codes[static_cast<size_t>(i)] << 4) |
                                                codes[static_cast<size_t>(i + 1)]);
          }
        }
      });
  store_scales(scales, q);
  return q;
}

}  // namespace fptq
