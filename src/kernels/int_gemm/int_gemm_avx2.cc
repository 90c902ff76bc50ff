// int_gemm on AVX2.
//
// Four bits: vpmaddubsw multiplies unsigned codes 0..15 by signed activations and adds pairs, at most
// 2 * 15 * 128 = 3840 in magnitude, so that eight of them fit int16 before they are widened. Codes are stored
// as code + 8 with four inputs interleaved: a widening by vpmaddwd then leaves one output per int32 lane.
// Eight bits: such pairs would saturate, so that codes and activations are widened to int16 first, and
// vpmaddwd adds pairs in int32: two inputs interleaved, codes stored signed.
#include <string.h>

#include "kernels/int_gemm/int_gemm_tiles.h"
#include "kernels/intrinsics.h"

namespace fptq::kernels {
namespace {

constexpr int kTileRows = 4;
constexpr int kVectors = 2;  // registers of 8 columns that a tile of rows takes at once
constexpr int64_t kTileColumns = 8 * kVectors;
constexpr int64_t kUnpackedStep = 4 * kPanel;  // bytes: four inputs of a panel as int8, two as int16
constexpr int64_t kPairsInInt16 = 8;           // products that vpaddw may add before they are widened

inline __m256i load(const void* p) {
  return _mm256_load_si256((const __m256i*)p);
}
inline void store(void* p, __m256i v) {
  _mm256_store_si256((__m256i*)p, v);
}
inline __m256i broadcast4(const void* a) {
  int32_t four;
  memcpy(&four, a, sizeof four);
  return _mm256_set1_epi32(four);
}
inline __m256i low_codes(__m256i bytes) {
  return _mm256_and_si256(bytes, _mm256_set1_epi8(15));
}
inline __m256i high_codes(__m256i bytes) {
  return _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
}

// Written out, because GCC 12 otherwise keeps some of a tile's sums in memory.
inline __attribute__((always_inline)) void add_pairs16(__m256i& sum, __m256i codes, __m256i activations) {
  __m256i products;
  asm volatile("vpmaddubsw %3, %2, %1\n\tvpaddw %1, %0, %0"
               : "+x"(sum), "=&x"(products)
               : "x"(codes), "x"(activations));
}
inline __attribute__((always_inline)) void add_pairs32(__m256i& sum, __m256i codes, __m256i activations) {
  __m256i products;
  asm volatile("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0"
               : "+x"(sum), "=&x"(products)
               : "x"(codes), "x"(activations));
}

template <int T>
inline __attribute__((always_inline)) void widen(const __m256i (&pairs)[T][kVectors],
                                                 __m256i (&sum)[T][kVectors]) {
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      sum[t][v] = _mm256_add_epi32(sum[t][v], _mm256_madd_epi16(pairs[t][v], _mm256_set1_epi16(1)));
    }
  }
}

// A source of codes knows how to add one group's dot products of T rows and 16 columns.

// Four-bit codes unpacked to bytes.
struct Bytes {
  typedef int8_t Activation;
  static constexpr int64_t kColumnBytes = 4;
  static const int8_t* activations(const IntRows& r) { return r.a; }
  static int64_t group_bytes(const IntTiles& w) { return w.group_inputs * kPanel; }

  template <int T>
  static inline __attribute__((always_inline)) void dot(const uint8_t* codes, const int8_t* a,
                                                        int64_t a_stride, int64_t inputs,
                                                        __m256i (&sum)[T][kVectors]) {
    for (int64_t k = 0; k < inputs;) {
      const int64_t end = k + 4 * kPairsInInt16 < inputs ? k + 4 * kPairsInInt16 : inputs;
      __m256i pairs[T][kVectors] = {};
      for (; k < end; k += 4, codes += kUnpackedStep) {
        const __m256i w0 = load(codes), w1 = load(codes + 32);
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t) {
          const __m256i four = broadcast4(a + t * a_stride + k);
          add_pairs16(pairs[t][0], w0, four);
          add_pairs16(pairs[t][1], w1, four);
        }
      }
      widen<T>(pairs, sum);
    }
  }
};

// Four-bit codes as they are stored.
struct Nibbles {
  typedef int8_t Activation;
  static constexpr int64_t kColumnBytes = 4;
  static const int8_t* activations(const IntRows& r) { return r.a; }
  static int64_t group_bytes(const IntTiles& w) { return w.group_bytes; }

  template <int T>
  static inline __attribute__((always_inline)) void dot(const uint8_t* codes, const int8_t* a,
                                                        int64_t a_stride, int64_t inputs,
                                                        __m256i (&sum)[T][kVectors]) {
    for (int64_t k = 0; k < inputs;) {
      const int64_t end = k + 4 * kPairsInInt16 < inputs ? k + 4 * kPairsInInt16 : inputs;
      __m256i pairs[T][kVectors] = {};
      for (; k < end; k += 8, codes += kUnpackedStep) {
        const __m256i bytes0 = load(codes), bytes1 = load(codes + 32);
        _mm_prefetch((const char*)codes + 4096, _MM_HINT_T0);
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t) {
          const __m256i low = broadcast4(a + t * a_stride + k), high = broadcast4(a + t * a_stride + k + 4);
          add_pairs16(pairs[t][0], low_codes(bytes0), low);
          add_pairs16(pairs[t][1], low_codes(bytes1), low);
          add_pairs16(pairs[t][0], high_codes(bytes0), high);
          add_pairs16(pairs[t][1], high_codes(bytes1), high);
        }
      }
      widen<T>(pairs, sum);
    }
  }
};

// Eight-bit codes widened to int16.
struct Words {
  typedef int16_t Activation;
  static constexpr int64_t kColumnBytes = 4;
  static const int16_t* activations(const IntRows& r) { return r.a_wide; }
  static int64_t group_bytes(const IntTiles& w) { return 2 * w.group_inputs * kPanel; }

  template <int T>
  static inline __attribute__((always_inline)) void dot(const uint8_t* codes, const int16_t* a,
                                                        int64_t a_stride, int64_t inputs,
                                                        __m256i (&sum)[T][kVectors]) {
    for (int64_t k = 0; k < inputs; k += 2, codes += kUnpackedStep) {
      const __m256i w0 = load(codes), w1 = load(codes + 32);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const __m256i two = broadcast4(a + t * a_stride + k);
        add_pairs32(sum[t][0], w0, two);
        add_pairs32(sum[t][1], w1, two);
      }
    }
  }
};

// Eight-bit codes as they are stored.
struct StoredBytes {
  typedef int16_t Activation;
  static constexpr int64_t kColumnBytes = 2;
  static const int16_t* activations(const IntRows& r) { return r.a_wide; }
  static int64_t group_bytes(const IntTiles& w) { return w.group_bytes; }

  template <int T>
  static inline __attribute__((always_inline)) void dot(const uint8_t* codes, const int16_t* a,
                                                        int64_t a_stride, int64_t inputs,
                                                        __m256i (&sum)[T][kVectors]) {
    for (int64_t k = 0; k < inputs; k += 2, codes += 2 * kPanel) {
      const __m256i w0 = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i*)codes));
      const __m256i w1 = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i*)(codes + 16)));
      _mm_prefetch((const char*)codes + 4096, _MM_HINT_T0);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const __m256i two = broadcast4(a + t * a_stride + k);
        add_pairs32(sum[t][0], w0, two);
        add_pairs32(sum[t][1], w1, two);
      }
    }
  }
};

// What remains to be taken off the sums of one row and 8 columns from `cell` on, where there are zero points.
inline __attribute__((always_inline)) __m256i without_zeros(const IntTiles& w, const IntRows& r, int64_t row,
                                                            int32_t a_sum, int64_t cell, __m256i dot) {
  if (w.offsets != nullptr) {
    dot = _mm256_sub_epi32(dot, _mm256_mullo_epi32(load(w.offsets + cell), _mm256_set1_epi32(a_sum)));
  }
  if (r.act_zero != nullptr) {
    const __m256i zero = _mm256_set1_epi32(r.act_zero[row]);
    dot = _mm256_sub_epi32(dot, _mm256_mullo_epi32(load(w.sums + cell), zero));
  }
  return dot;
}

// acc[t][64] = fma(dot, scale, acc) for T rows from `row` on and one panel, over groups [g_begin, g_end) in
// turn.
template <int T, typename Source, bool kZeros>
void tile(const IntTiles& w, const IntRows& r, int64_t panel, int64_t g_begin, int64_t g_end,
          const uint8_t* codes, int64_t row) {
  const int64_t a_stride = w.groups * w.group_inputs;
  const int32_t common_offset = w.offsets == nullptr ? w.code_bias : 0;
  for (int64_t g = g_begin; g < g_end; ++g, codes += Source::group_bytes(w)) {
    const int32_t* a_sums = r.a_sums + row * w.groups + g;
    const typename Source::Activation* a = Source::activations(r) + row * a_stride + g * w.group_inputs;
    for (int64_t c = 0; c < kPanel; c += kTileColumns) {
      __m256i sum[T][kVectors];
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        sum[t][0] = sum[t][1] = _mm256_set1_epi32(-common_offset * a_sums[t * w.groups]);
      }
      Source::template dot<T>(codes + c * Source::kColumnBytes, a, a_stride, w.group_inputs, sum);
      const int64_t cell = (panel * w.groups + g) * kPanel + c;
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) {
          float* acc = r.acc + (row + t) * kPanel + c + 8 * v;
          __m256i dot = sum[t][v];
          if constexpr (kZeros) dot = without_zeros(w, r, row + t, a_sums[t * w.groups], cell + 8 * v, dot);
          const __m256 scale = _mm256_load_ps(w.scales + cell + 8 * v);
          _mm256_store_ps(acc, _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), scale, _mm256_load_ps(acc)));
        }
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
    default:
      return tile<4, Source, kZeros>(w, r, panel, g_begin, g_end, codes, row);
  }
}

void unpack_nibbles(const uint8_t* stored, int64_t bytes, uint8_t* codes) {
  for (int64_t i = 0; i < bytes; i += kUnpackedStep, codes += 2 * kUnpackedStep) {
    for (int64_t v = 0; v < kUnpackedStep; v += 32) {
      const __m256i packed = load(stored + i + v);
      store(codes + v, low_codes(packed));
      store(codes + kUnpackedStep + v, high_codes(packed));
    }
  }
}

void unpack_bytes(const uint8_t* stored, int64_t bytes, uint8_t* codes) {
  for (int64_t i = 0; i < bytes; i += 16) {
    store(codes + 2 * i, _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i*)(stored + i))));
  }
}

// Rows up to which unpacking for each tile of rows costs less than a detour through the cache.
constexpr int64_t kDirectRows = 4;

template <typename Stored, typename Unpacked, bool kZeros>
void panel_sums(const IntTiles& w, const IntRows& r, int64_t panel,
                void (*unpack)(const uint8_t* stored, int64_t bytes, uint8_t* codes)) {
  const uint8_t* stored = w.codes + panel * w.groups * w.group_bytes;
  if (r.rows <= kDirectRows) {
    tile_of<Stored, kZeros>(r.rows, w, r, panel, 0, w.groups, stored, 0);
    return;
  }
  for (int64_t g = 0; g < w.groups; g += r.panel_groups) {
    const int64_t g_end = g + r.panel_groups < w.groups ? g + r.panel_groups : w.groups;
    unpack(stored + g * w.group_bytes, (g_end - g) * w.group_bytes, r.panel);
    for (int64_t row = 0; row < r.rows; row += kTileRows) {
      tile_of<Unpacked, kZeros>(r.rows - row, w, r, panel, g, g_end, r.panel, row);
    }
  }
}

template <bool kZeros>
void panel_of(const IntTiles& w, const IntRows& r, int64_t panel) {
  if (w.bits == 4) {
    panel_sums<Nibbles, Bytes, kZeros>(w, r, panel, unpack_nibbles);
  } else {
    panel_sums<StoredBytes, Words, kZeros>(w, r, panel, unpack_bytes);
  }
}

void write_panel(const IntTiles& w, const IntRows& r, int64_t n) {
  const int64_t count = r.end - n < kPanel ? r.end - n : kPanel;
  for (int64_t m = 0; m < r.rows; ++m) {
    float* y = r.y + m * r.ldy + n;
    const float* acc = r.acc + m * kPanel;
    for (int64_t c = 0; c < count; ++c) y[c] = acc[c] * r.act_scale[m];
    if (w.bias == nullptr) continue;
    for (int64_t c = 0; c < count; ++c) y[c] = y[c] + w.bias[n + c];
  }
}

int32_t sum_of(const int8_t* a, int64_t n) {
  int32_t sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i];
  return sum;
}

void run(const IntTiles& w, const IntRows& r) {
  for (int64_t i = 0; i < r.rows * w.groups; ++i)
    r.a_sums[i] = sum_of(r.a + i * w.group_inputs, w.group_inputs);
  if (w.bits == 8) {
    for (int64_t i = 0; i < r.rows * w.groups * w.group_inputs; ++i) r.a_wide[i] = r.a[i];
  }
  for (int64_t n = r.begin; n < r.end; n += kPanel) {
    memset(r.acc, 0, (size_t)(r.rows * kPanel) * sizeof(float));
    if (w.offsets != nullptr || r.act_zero != nullptr) {
      panel_of<true>(w, r, n / kPanel);
    } else {
      panel_of<false>(w, r, n / kPanel);
    }
    write_panel(w, r, n);
  }
}

}  // namespace

extern const IntKernel kIntKernelAvx2;
const IntKernel kIntKernelAvx2 = {{4, 8, 1, false}, {2, 0, 2, true}, run};

}  // namespace fptq::kernels
