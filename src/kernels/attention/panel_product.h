// Rows times panels: c[row][column] (+)= sum over inner indices k in [k_begin, k_end), ascending, of
// a[row][k] * panel[k][column]. Each element is one chain of operations, whatever the tile it is in.
#pragma once

#include "kernels/attention/panels.h"

namespace fptq::kernels {
namespace {

// Register tiles: kRows rows by one or two panels for many rows, and for few rows more panels, so that there
// are enough independent chains to hide an operation's latency.
#if defined(__AVX512F__)
constexpr int kRows = 12, kPanels = 2, kFewRows = 5, kMorePanels = 4;
#elif defined(__AVX2__)
constexpr int kRows = 6, kPanels = 1, kFewRows = 3, kMorePanels = 2;
#else
constexpr int kRows = 2, kPanels = 1, kFewRows = 1, kMorePanels = 2;
#endif
static_assert(kAttentionRows % kRows == 0);

// Elements from one row of `a` to the next; a constant, so that a tile's rows need one address register.
constexpr int64_t kRowStride = kKvBlock;

struct Output {
  float* data;
  int64_t stride;
  bool add;  // to what is there
};

template <int M, int P, typename Panels>
FPTQ_INLINE void multiply_tile(const float* a, const Panels& b, int64_t panel, int64_t k_begin, int64_t k_end,
                               const Output& c) {
  NativeFloat sum[M][P][kParts];
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
      for (int i = 0; i < kParts; ++i) {
        sum[m][p][i] =
            c.add ? native_load(c.data + m * c.stride + (panel + p) * kKvPanel + i * kWidth) : NativeFloat{};
      }
    }
  }
  for (int64_t k = k_begin; k < k_end; ++k) {
    NativeFloat columns[P][kParts];
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
      for (int i = 0; i < kParts; ++i) columns[p][i] = b.get(panel + p, k, i);
    }
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      const NativeFloat x = native_broadcast(a[m * kRowStride + k]);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
        for (int i = 0; i < kParts; ++i) sum[m][p][i] = multiply_add(x, columns[p][i], sum[m][p][i]);
      }
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
      for (int i = 0; i < kParts; ++i) {
        native_store(c.data + m * c.stride + (panel + p) * kKvPanel + i * kWidth, sum[m][p][i]);
      }
    }
  }
}

// The same of 16-bit rows and codes; inner indices are pairs. The sum is exact and then becomes a float.
template <int M, int P>
FPTQ_INLINE void multiply_tile(const int16_t* a, const CodePanels& b, int64_t panel, int64_t k_begin,
                               int64_t k_end, const Output& c) {
  NativeInt sum[M][P][kParts];
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
      for (int i = 0; i < kParts; ++i) sum[m][p][i] = NativeInt{};
    }
  }
  for (int64_t k = k_begin; k < k_end; ++k) {
    NativePairs columns[P][kParts];
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
      for (int i = 0; i < kParts; ++i) columns[p][i] = b.get(panel + p, k, i);
    }
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      const int16_t* pair = a + m * kRowStride + 2 * k;
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
        for (int i = 0; i < kParts; ++i) sum[m][p][i] = add_pair_products(sum[m][p][i], pair, columns[p][i]);
      }
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
      for (int i = 0; i < kParts; ++i) {
        float* to = c.data + m * c.stride + (panel + p) * kKvPanel + i * kWidth;
        const NativeFloat x = __builtin_convertvector(sum[m][p][i], NativeFloat);
        native_store(to, c.add ? native_load(to) + x : x);
      }
    }
  }
}

// The last `rows` <= M rows.
template <int M, int P, typename A, typename Panels>
FPTQ_INLINE void multiply_last_rows(const A* a, int64_t rows, const Panels& b, int64_t panel, int64_t k_begin,
                                    int64_t k_end, const Output& c) {
  if constexpr (M > 0) {
    if (rows == M) {
      multiply_tile<M, P>(a, b, panel, k_begin, k_end, c);
    } else {
      multiply_last_rows<M - 1, P>(a, rows, b, panel, k_begin, k_end, c);
    }
  }
}

template <int M, int P, typename A, typename Panels>
void multiply_panels(const A* a, int64_t rows, const Panels& b, int64_t panel, int64_t k_begin, int64_t k_end,
                     Output c) {
  for (; rows > M; rows -= M) {
    multiply_tile<M, P>(a, b, panel, k_begin, k_end, c);
    a += M * kRowStride;
    c.data += M * c.stride;
  }
  multiply_last_rows<M, P>(a, rows, b, panel, k_begin, k_end, c);
}

// Panels [panel, panel_end).
template <typename A, typename Panels>
void multiply(const A* a, int64_t rows, const Panels& b, int64_t panel, int64_t panel_end, int64_t k_begin,
              int64_t k_end, const Output& c) {
  if (rows <= kFewRows) {
    for (; panel + kMorePanels <= panel_end; panel += kMorePanels) {
      multiply_panels<kFewRows, kMorePanels>(a, rows, b, panel, k_begin, k_end, c);
    }
    for (; panel < panel_end; ++panel) multiply_panels<kFewRows, 1>(a, rows, b, panel, k_begin, k_end, c);
    return;
  }
  for (; panel + kPanels <= panel_end; panel += kPanels) {
    multiply_panels<kRows, kPanels>(a, rows, b, panel, k_begin, k_end, c);
  }
  if constexpr (kPanels > 1) {
    for (; panel < panel_end; ++panel) multiply_panels<kRows, 1>(a, rows, b, panel, k_begin, k_end, c);
  }
}

}  // namespace
}  // namespace fptq::kernels
