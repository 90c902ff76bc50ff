// int_gemm on AVX512-VNNI: vpdpbusd sums four products of an unsigned code and a signed activation in each of
// 16 int32 lanes, so that codes are stored unsigned (code + 8, code + 128) with four inputs interleaved, and
// the activations are broadcast four at a time.
#include <string.h>

#include "kernels/int_gemm/int_gemm_tiles.h"
#include "kernels/intrinsics.h"

namespace fptq::kernels {
namespace {

constexpr int kVectors = 4;  // registers of a panel: 4 x 16 columns
constexpr int64_t kBlock = 64 * kVectors;

inline __m512i broadcast4(const int8_t* a) {
  int32_t four;
  memcpy(&four, a, sizeof four);
  return _mm512_set1_epi32(four);
}

// sum += dot of fours. As an instruction and not as an intrinsic: GCC 12 otherwise keeps most of a tile's
// sums in memory, at a third of the speed.
inline __attribute__((always_inline)) void add_dots(__m512i& sum, __m512i codes, __m512i activations) {
  asm volatile("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(activations));
}

inline __m512i nibble_mask() {
  return _mm512_set1_epi8(15);
}
inline __m512i low_codes(__m512i bytes) {
  return _mm512_and_si512(bytes, nibble_mask());
}
inline __m512i high_codes(__m512i bytes) {
  return _mm512_and_si512(_mm512_srli_epi16(bytes, 4), nibble_mask());
}

// Where a tile's weights come from: one code per byte, or nibbles as they are stored.
struct Bytes {
  static constexpr int kInputs = 4;
};
struct Nibbles {
  static constexpr int kInputs = 8;
};

template <int T>
inline __attribute__((always_inline)) void dot_step(Bytes, const uint8_t* codes, const int8_t* a,
                                                    int64_t a_stride, __m512i (&sum)[T][kVectors]) {
  __m512i w[kVectors];
  for (int v = 0; v < kVectors; ++v) w[v] = _mm512_load_si512(codes + 64 * v);
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
    const __m512i four = broadcast4(a + t * a_stride);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) add_dots(sum[t][v], w[v], four);
  }
}

template <int T>
inline __attribute__((always_inline)) void dot_step(Nibbles, const uint8_t* codes, const int8_t* a,
                                                    int64_t a_stride, __m512i (&sum)[T][kVectors]) {
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const __m512i bytes = _mm512_load_si512(codes + 64 * v);
    _mm_prefetch((const char*)codes + 64 * v + 4096, _MM_HINT_T0);
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
      add_dots(sum[t][v], low_codes(bytes), broadcast4(a + t * a_stride));
      add_dots(sum[t][v], high_codes(bytes), broadcast4(a + t * a_stride + 4));
    }
  }
}

// What remains to be taken off the sums of one row and 16 columns from `cell` on, where there are zero
// points.
inline __attribute__((always_inline)) __m512i without_zeros(const IntTiles& w, const IntRows& r, int64_t row,
                                                            int32_t a_sum, int64_t cell, __m512i dot) {
  if (w.offsets != nullptr) {
    dot = _mm512_sub_epi32(dot,
                           _mm512_mullo_epi32(_mm512_load_si512(w.offsets + cell), _mm512_set1_epi32(a_sum)));
  }
  if (r.act_zero != nullptr) {
    const __m512i zero = _mm512_set1_epi32(r.act_zero[row]);
    dot = _mm512_sub_epi32(dot, _mm512_mullo_epi32(_mm512_load_si512(w.sums + cell), zero));
  }
  return dot;
}

// acc[t][64] = fma(dot, scale, acc) for T rows from `row` on and one panel, over groups [g_begin, g_end) in
// turn. kZeros: weights or activations have zero points; without, the sums start from what code_bias adds.
template <int T, typename Source, bool kZeros>
void tile(const IntTiles& w, const IntRows& r, int64_t panel, int64_t g_begin, int64_t g_end,
          const uint8_t* codes, int64_t row) {
  const int64_t a_stride = w.groups * w.group_inputs;
  const int32_t common_offset = w.offsets == nullptr ? w.code_bias : 0;
  for (int64_t g = g_begin; g < g_end; ++g) {
    const int32_t* a_sums = r.a_sums + row * w.groups + g;
    // All loops over the tile are unrolled, or the sums would live in memory.
    __m512i sum[T][kVectors];
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[t][v] = _mm512_set1_epi32(-common_offset * a_sums[t * w.groups]);
    }
    const int8_t* a = r.a + row * a_stride + g * w.group_inputs;
    for (int64_t k = 0; k < w.group_inputs; k += Source::kInputs, codes += kBlock) {
      dot_step<T>(Source{}, codes, a + k, a_stride, sum);
    }
    const int64_t cell = (panel * w.groups + g) * kPanel;
    __m512 scales[kVectors];
    for (int v = 0; v < kVectors; ++v) scales[v] = _mm512_load_ps(w.scales + cell + 16 * v);
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
      float* acc = r.acc + (row + t) * kPanel;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        __m512i dot = sum[t][v];
        if constexpr (kZeros) dot = without_zeros(w, r, row + t, a_sums[t * w.groups], cell + 16 * v, dot);
        const __m512 before = _mm512_load_ps(acc + 16 * v);
        _mm512_store_ps(acc + 16 * v, _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scales[v], before));
      }
    }
  }
}

template <typename Source, bool kZeros>
void tile_of(int64_t rows, const IntTiles& w, const IntRows& r, int64_t panel, int64_t g_begin, int64_t g_end,
             const uint8_t* codes, int64_t row) {
  switch (rows) {
    case 1:
      return tile<1, Source, kZeros>(w, r, panel, g_begin, g_end, codes, row);
    case 2:
      return tile<2, Source, kZeros>(w, r, panel, g_begin, g_end, codes, row);
    case 3:
      return tile<3, Source, kZeros>(w, r, panel, g_begin, g_end, codes, row);
    case 4:
      return tile<4, Source, kZeros>(w, r, panel, g_begin, g_end, codes, row);
    case 5:
      return tile<5, Source, kZeros>(w, r, panel, g_begin, g_end, codes, row);
    default:
      return tile<6, Source, kZeros>(w, r, panel, g_begin, g_end, codes, row);
  }
}

void unpack(const uint8_t* nibbles, int64_t bytes, uint8_t* codes) {
  for (int64_t i = 0; i < bytes; i += kBlock, codes += 2 * kBlock) {
    for (int v = 0; v < kVectors; ++v) {
      const __m512i packed = _mm512_load_si512(nibbles + i + 64 * v);
      _mm512_store_si512(codes + 64 * v, low_codes(packed));
      _mm512_store_si512(codes + kBlock + 64 * v, high_codes(packed));
    }
  }
}

// Rows up to which unpacking for each row costs less than a detour through the cache.
constexpr int64_t kDirectRows = 4;

template <bool kZeros>
void panel_sums(const IntTiles& w, const IntRows& r, int64_t panel) {
  const uint8_t* stored = w.codes + panel * w.groups * w.group_bytes;
  if (w.bits == 4 && r.rows <= kDirectRows) {
    tile_of<Nibbles, kZeros>(r.rows, w, r, panel, 0, w.groups, stored, 0);
    return;
  }
  for (int64_t g = 0; g < w.groups; g += r.panel_groups) {
    const int64_t g_end = g + r.panel_groups < w.groups ? g + r.panel_groups : w.groups;
    const uint8_t* codes = stored + g * w.group_bytes;
    if (w.bits == 4) {
      unpack(codes, (g_end - g) * w.group_bytes, r.panel);
      codes = r.panel;
    }
    for (int64_t row = 0; row < r.rows;) {
      const int64_t left = r.rows - row, t = left >= 12 || left == 6 ? 6 : left > 6 ? (left + 1) / 2 : left;
      tile_of<Bytes, kZeros>(t, w, r, panel, g, g_end, codes, row);
      row += t;
    }
  }
}

void write_panel(const IntTiles& w, const IntRows& r, int64_t n) {
  for (int64_t m = 0; m < r.rows; ++m) {
    const __m512 act_scale = _mm512_set1_ps(r.act_scale[m]);
    for (int64_t c = 0; c < kPanel && n + c < r.end; c += 16) {
      const int64_t left = r.end - n - c;
      const __mmask16 mask = left >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << left) - 1u);
      __m512 y = _mm512_mul_ps(_mm512_load_ps(r.acc + m * kPanel + c), act_scale);
      if (w.bias != nullptr) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, w.bias + n + c));
      _mm512_mask_storeu_ps(r.y + m * r.ldy + n + c, mask, y);
    }
  }
}

int32_t sum_of(const int8_t* a, int64_t n) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sums = _mm512_setzero_si512();
  int64_t i = 0;
  for (; i + 64 <= n; i += 64) sums = _mm512_dpbusd_epi32(sums, ones, _mm512_loadu_si512(a + i));
  int32_t sum = _mm512_reduce_add_epi32(sums);
  for (; i < n; ++i) sum += a[i];
  return sum;
}

void run(const IntTiles& w, const IntRows& r) {
  for (int64_t i = 0; i < r.rows * w.groups; ++i)
    r.a_sums[i] = sum_of(r.a + i * w.group_inputs, w.group_inputs);
  for (int64_t n = r.begin; n < r.end; n += kPanel) {
    memset(r.acc, 0, (size_t)(r.rows * kPanel) * sizeof(float));
    if (w.offsets != nullptr || r.act_zero != nullptr) {
      panel_sums<true>(w, r, n / kPanel);
    } else {
      panel_sums<false>(w, r, n / kPanel);
    }
    write_panel(w, r, n);
  }
}

}  // namespace

extern const IntKernel kIntKernelAvx512Vnni;
const IntKernel kIntKernelAvx512Vnni = {{4, 8, 1, false}, {4, 128, 0, false}, run};

}  // namespace fptq::kernels
