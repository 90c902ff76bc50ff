#include "quant/dense_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "fptq/error.h"
#include "quant/grid.h"

namespace fptq {
namespace {

constexpr int64_t kChunkWeights = 1 << 16;

}  // namespace

LinearWeights dense_layer(const WeightRows& weights, DType dtype, ThreadPool& pool) {
  const int64_t rows = weights.rows(), cols = weights.cols();
  LinearWeights dense;
  dense.rows = rows;
  dense.cols = cols;
  dense.bias = weights.bias();
  std::byte* data = nullptr;
  dense.weight = Tensor::allocate(dtype, {rows, cols}, &data);
  const auto row_bytes = static_cast<int64_t>(dense.weight.view().row_bytes());
  pool.parallel_for(rows, std::max<int64_t>(1, kChunkWeights / cols), [&](int64_t begin, int64_t end) {
    std::vector<float> row(static_cast<size_t>(cols));
    for (int64_t r = begin; r < end; ++r) {
      weights.read(r, row.data());
      const float most = *std::ranges::max_element(row, {}, [](float w) { return std::fabs(w); });
      if (!std::isfinite(round_to_dtype(most, dtype))) {
        throw Error(
            ErrorKind::kBadModel, weights.where(),
            fmt::format("row {} holds {:g}, which type {} does not", r, most, dtype_info(dtype).name));
      }
      encode_row(dtype, row.data(), data + r * row_bytes, cols);
    }
  });
  return dense;
}

}  // namespace fptq
