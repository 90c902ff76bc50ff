// The body of dense_gemv, included by one file per ISA.
#pragma once

#include "kernels/dense_gemv/dense_kernels.h"
#include "kernels/dense_gemv/half_lanes.h"

namespace fptq::kernels {
namespace {

// The last n < 16 elements of a row, zeros behind them.
template <typename Load>
FPTQ_INLINE Lanes load_tail(const char* w, int64_t n) {
  char padded[kLanes * Load::kBytes] = {};
  memcpy(padded, w, (size_t)(n * Load::kBytes));
  return Load::lanes(padded);
}

// `Rows` rows of w times `Count` vectors x: independent sums hide the latency of the additions.
template <typename Load, int Rows, int Count>
FPTQ_INLINE void tile(const char* w, int64_t row_bytes, int64_t k, const float* x, float* y, int64_t ldy) {
  Lanes sum[Rows][Count];
  for (int r = 0; r < Rows; ++r) {
    for (int c = 0; c < Count; ++c) sum[r][c] = lanes_zero();
  }
  int64_t i = 0;
  for (; i + kLanes <= k; i += kLanes) {
    for (int r = 0; r < Rows; ++r) {
      const char* from = w + r * row_bytes + i * Load::kBytes;
      // The same place of the next rows: the hardware does not foresee the jump at a row's end.
      __builtin_prefetch(from + Rows * row_bytes);
      const Lanes wr = Load::lanes(from);
      for (int c = 0; c < Count; ++c) sum[r][c] = sum[r][c] + wr * load(x + c * k + i);
    }
  }
  if (i < k) {
    for (int r = 0; r < Rows; ++r) {
      const Lanes wr = load_tail<Load>(w + r * row_bytes + i * Load::kBytes, k - i);
      for (int c = 0; c < Count; ++c) sum[r][c] = sum[r][c] + wr * load_first(x + c * k + i, k - i);
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int c = 0; c < Count; ++c) y[c * ldy + r] = sum_of_lanes(sum[r][c]);
  }
}

template <typename Load>
void gemv(const std::byte* weights, int64_t k, int64_t row_begin, int64_t row_end, const float* x, int64_t m,
          float* y, int64_t ldy) {
  const char* w = (const char*)weights;
  const int64_t row_bytes = k * Load::kBytes;
  int64_t r = row_begin;
  if (m == 1) {
    for (; r + 4 <= row_end; r += 4) tile<Load, 4, 1>(w + r * row_bytes, row_bytes, k, x, y + r, ldy);
  }
  for (; r < row_end; ++r) {
    int64_t c = 0;
    for (; c + 4 <= m; c += 4)
      tile<Load, 1, 4>(w + r * row_bytes, row_bytes, k, x + c * k, y + c * ldy + r, ldy);
    for (; c < m; ++c) tile<Load, 1, 1>(w + r * row_bytes, row_bytes, k, x + c * k, y + c * ldy + r, ldy);
  }
}

template <typename Load>
void expand(const std::byte* src, float* dst, int64_t n) {
  const char* s = (const char*)src;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(dst + i, Load::lanes(s + i * Load::kBytes));
  if (i < n) store_first(dst + i, n - i, load_tail<Load>(s + i * Load::kBytes, n - i));
}

constexpr DenseKernels kDenseKernels = {gemv<LoadF32>, gemv<LoadF16>, gemv<LoadBF16>, expand<LoadF16>,
                                        expand<LoadBF16>};

}  // namespace
}  // namespace fptq::kernels
