// int_gemm on AVX2.
//
// Four bits: vpmaddubsw multiplies unsigned codes 0..15 by signed activations and adds pairs, at most
// 2 * 15 * 128 = 3840 in magnitude, so that eight of them fit int16 before they are widened. Codes are stored
// as code + 8 with four inputs interleaved: a widening by vpmaddwd then leaves one output per int32 lane.
// Eight bits: such pairs would saturate, so that codes and activations are widened to int16 first, and
// vpmaddwd adds pairs in int32: two inputs interleaved, codes stored signed.
//
// A tile is up to 6 rows times a panel of 16 columns and runs over all inputs; many tiles share a panel that
// was unpacked once, a single tile takes the codes as they are stored.
#include <string.h>

#include "kernels/int_gemm/int_gemm_tiles.h"
#include "kernels/intrinsics.h"

namespace fptq::kernels {
namespace {

constexpr int kRows = 6;
constexpr int kVectors = 2;
constexpr int64_t kWidth = 8 * kVectors;
constexpr int64_t kStep = 4 * kWidth;  // bytes: four inputs of a panel as int8, two as int16
constexpr int kStepsInInt16 = 8;       // steps whose pairs int16 can hold
constexpr int64_t kPrefetch = 4096;

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
inline __attribute__((always_inline)) void first_pairs16(__m256i& sum, __m256i codes, __m256i activations) {
  asm volatile("vpmaddubsw %2, %1, %0" : "=x"(sum) : "x"(codes), "x"(activations));
}
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

// A source of codes knows how to add one group's dot products of T rows and a panel. `sum` may lie in memory:
// it is touched once in eight steps.

// Four-bit codes unpacked to bytes.
struct Bytes {
  static constexpr int kInputs = 4;
  static constexpr int kInputBytes = 1;
  static constexpr int64_t kStoredStep = kStep;  // bytes of codes

  template <int T>
  static inline __attribute__((always_inline)) void dot(const uint8_t* codes, const int8_t* a, int64_t steps,
                                                        __m256i (&sum)[T][kVectors]) {
    while (steps > 0) {
      int64_t more = (steps < kStepsInInt16 ? steps : kStepsInInt16) - 1;
      steps -= kStepsInInt16;
      __m256i pairs[T][kVectors];
      __m256i w0 = load(codes), w1 = load(codes + 32);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const __m256i four = broadcast4(a + 4 * t);
        first_pairs16(pairs[t][0], w0, four);
        first_pairs16(pairs[t][1], w1, four);
      }
      codes += kStep;
      a += 4 * T;
#pragma GCC unroll 1
      for (; more > 0; --more, codes += kStep, a += 4 * T) {
        w0 = load(codes);
        w1 = load(codes + 32);
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t) {
          const __m256i four = broadcast4(a + 4 * t);
          add_pairs16(pairs[t][0], w0, four);
          add_pairs16(pairs[t][1], w1, four);
        }
      }
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        add_pairs32(sum[t][0], pairs[t][0], _mm256_set1_epi16(1));
        add_pairs32(sum[t][1], pairs[t][1], _mm256_set1_epi16(1));
      }
    }
  }
};

// Four-bit codes as they are stored.
struct Nibbles {
  static constexpr int kInputs = 8;
  static constexpr int kInputBytes = 1;
  static constexpr int64_t kStoredStep = kStep;  // bytes of codes

  template <int T>
  static inline __attribute__((always_inline)) void dot(const uint8_t* codes, const int8_t* a, int64_t steps,
                                                        __m256i (&sum)[T][kVectors]) {
    while (steps > 0) {
      int64_t some = steps < kStepsInInt16 / 2 ? steps : kStepsInInt16 / 2;
      steps -= kStepsInInt16 / 2;
      __m256i pairs[T][kVectors];
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) pairs[t][0] = pairs[t][1] = _mm256_setzero_si256();
#pragma GCC unroll 1
      for (; some > 0; --some, codes += kStep, a += 8 * T) {
        const __m256i bytes0 = load(codes), bytes1 = load(codes + 32);
        _mm_prefetch((const char*)codes + kPrefetch, _MM_HINT_T1);
        const __m256i low0 = low_codes(bytes0), low1 = low_codes(bytes1);
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t) {
          const __m256i four = broadcast4(a + 4 * t);
          add_pairs16(pairs[t][0], low0, four);
          add_pairs16(pairs[t][1], low1, four);
        }
        const __m256i high0 = high_codes(bytes0), high1 = high_codes(bytes1);
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t) {
          const __m256i four = broadcast4(a + 4 * T + 4 * t);
          add_pairs16(pairs[t][0], high0, four);
          add_pairs16(pairs[t][1], high1, four);
        }
      }
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        add_pairs32(sum[t][0], pairs[t][0], _mm256_set1_epi16(1));
        add_pairs32(sum[t][1], pairs[t][1], _mm256_set1_epi16(1));
      }
    }
  }
};

// Eight-bit codes widened to int16.
struct Words {
  static constexpr int kInputs = 2;
  static constexpr int kInputBytes = 2;
  static constexpr int64_t kStoredStep = kStep;  // bytes of codes

  template <int T>
  static inline __attribute__((always_inline)) void dot(const uint8_t* codes, const int8_t* a, int64_t steps,
                                                        __m256i (&sum)[T][kVectors]) {
    for (int64_t s = 0; s < steps; ++s, codes += kStep, a += 4 * T) {
      const __m256i w0 = load(codes), w1 = load(codes + 32);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const __m256i two = broadcast4(a + 4 * t);
        add_pairs32(sum[t][0], w0, two);
        add_pairs32(sum[t][1], w1, two);
      }
    }
  }
};

// Eight-bit codes as they are stored.
struct StoredBytes {
  static constexpr int kInputs = 2;
  static constexpr int kInputBytes = 2;
  static constexpr int64_t kStoredStep = kStep / 2;  // bytes of codes

  template <int T>
  static inline __attribute__((always_inline)) void dot(const uint8_t* codes, const int8_t* a, int64_t steps,
                                                        __m256i (&sum)[T][kVectors]) {
    for (int64_t s = 0; s < steps; ++s, codes += kStep / 2, a += 4 * T) {
      const __m256i bytes = load(codes);
      if (s % 2 == 0) _mm_prefetch((const char*)codes + kPrefetch, _MM_HINT_T1);
      const __m256i w0 = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(bytes));
      const __m256i w1 = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(bytes, 1));
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const __m256i two = broadcast4(a + 4 * t);
        add_pairs32(sum[t][0], w0, two);
        add_pairs32(sum[t][1], w1, two);
      }
    }
  }
};

// 8 scales from `cell` on.
inline __attribute__((always_inline)) __m256 load_scales(const IntTiles& w, int64_t cell) {
  if (w.scale_type == kScaleF32) return _mm256_load_ps((const float*)w.scales + cell);
  const __m128i halves = _mm_load_si128((const __m128i*)((const uint16_t*)w.scales + cell));
  if (w.scale_type == kScaleF16) return _mm256_cvtph_ps(halves);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

// What the sum of activations is multiplied by, as words (offset, 128 * offset): 8 columns from `cell` on.
inline __attribute__((always_inline)) __m256i load_offsets(const IntTiles& w, int64_t cell) {
  const __m256i offset =
      _mm256_add_epi32(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)(w.zeros + cell))),
                       _mm256_set1_epi32(w.code_bias));
  return _mm256_or_si256(_mm256_and_si256(offset, _mm256_set1_epi32(0xffff)), _mm256_slli_epi32(offset, 23));
}

// y of one row and 8 columns from n on.
inline __attribute__((always_inline)) void write(const IntTiles& w, const IntRows& r, int64_t row, int64_t n,
                                                 __m256 acc) {
  const int64_t left = w.columns - n;
  if (left <= 0) return;
  float* y = r.y + row * r.ldy + n;
  __m256 value = _mm256_mul_ps(acc, _mm256_set1_ps(r.act_scale[row]));
  if (left >= 8) {
    if (w.bias != nullptr) value = _mm256_add_ps(value, _mm256_loadu_ps(w.bias + n));
    _mm256_storeu_ps(y, value);
    return;
  }
  const __m256i mask =
      _mm256_cmpgt_epi32(_mm256_set1_epi32((int)left), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  if (w.bias != nullptr) value = _mm256_add_ps(value, _mm256_maskload_ps(w.bias + n, mask));
  _mm256_maskstore_ps(y, mask, value);
}

// T rows from `row` on times one panel. kZeros: the weights have zero points; without, the sums start from
// what code_bias adds.
template <int T, typename Source, bool kZeros>
void tile(const IntTiles& w, const IntRows& r, int64_t n, const uint8_t* codes, int64_t row) {
  const int64_t steps = w.group_inputs / Source::kInputs;
  const int64_t a_bytes = T * w.group_inputs * Source::kInputBytes;
  const int8_t* a = r.a + row * w.groups * w.group_inputs * Source::kInputBytes;
  const int32_t* starts = (kZeros ? r.pairs : r.starts) + row * w.groups;
  int64_t cell = n * w.groups;
  __m256 acc[T][kVectors];
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) acc[t][0] = acc[t][1] = _mm256_setzero_ps();
  for (int64_t g = 0; g < w.groups; ++g, starts += T, cell += kWidth, a += a_bytes) {
    __m256i sum[T][kVectors];
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
      sum[t][0] = sum[t][1] = kZeros ? _mm256_setzero_si256() : _mm256_set1_epi32(starts[t]);
    }
    Source::template dot<T>(codes, a, steps, sum);
    codes += steps * Source::kStoredStep;
    if constexpr (kZeros) {
      const __m256i offset0 = load_offsets(w, cell), offset1 = load_offsets(w, cell + 8);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const __m256i pair = _mm256_set1_epi32(starts[t]);
        add_pairs32(sum[t][0], offset0, pair);
        add_pairs32(sum[t][1], offset1, pair);
      }
    }
    if (r.act_zero != nullptr) {
      const __m256i sums0 = load(w.sums + cell), sums1 = load(w.sums + cell + 8);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const __m256i zero = _mm256_set1_epi32(r.act_zero[row + t]);
        sum[t][0] = _mm256_sub_epi32(sum[t][0], _mm256_mullo_epi32(sums0, zero));
        sum[t][1] = _mm256_sub_epi32(sum[t][1], _mm256_mullo_epi32(sums1, zero));
      }
    }
    const __m256 scale0 = load_scales(w, cell), scale1 = load_scales(w, cell + 8);
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
      acc[t][0] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[t][0]), scale0, acc[t][0]);
      acc[t][1] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[t][1]), scale1, acc[t][1]);
    }
  }
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
    write(w, r, row + t, n, acc[t][0]);
    write(w, r, row + t, n + 8, acc[t][1]);
  }
}

typedef void (*Tile)(const IntTiles& w, const IntRows& r, int64_t n, const uint8_t* codes, int64_t row);

// [rows - 1][weights have zero points]
#define FPTQ_TILES(source, t) \
  { tile<t, source, false>, tile<t, source, true> }
#define FPTQ_ALL_TILES(source)                                                                  \
  {                                                                                             \
    FPTQ_TILES(source, 1), FPTQ_TILES(source, 2), FPTQ_TILES(source, 3), FPTQ_TILES(source, 4), \
        FPTQ_TILES(source, 5), FPTQ_TILES(source, 6)                                            \
  }
constexpr Tile kBytes[kRows][2] = FPTQ_ALL_TILES(Bytes);
constexpr Tile kNibbles[kRows][2] = FPTQ_ALL_TILES(Nibbles);
constexpr Tile kWords[kRows][2] = FPTQ_ALL_TILES(Words);
constexpr Tile kStoredBytes[kRows][2] = FPTQ_ALL_TILES(StoredBytes);
#undef FPTQ_ALL_TILES
#undef FPTQ_TILES

void unpack_nibbles(const uint8_t* stored, int64_t bytes, uint8_t* codes) {
  for (int64_t i = 0; i < bytes; i += kStep, codes += 2 * kStep) {
    _mm_prefetch((const char*)stored + i + kPrefetch, _MM_HINT_T1);
    for (int64_t v = 0; v < kStep; v += 32) {
      const __m256i packed = load(stored + i + v);
      store(codes + v, low_codes(packed));
      store(codes + kStep + v, high_codes(packed));
    }
  }
}

void unpack_bytes(const uint8_t* stored, int64_t bytes, uint8_t* codes) {
  for (int64_t i = 0; i < bytes; i += 16) {
    store(codes + 2 * i, _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i*)(stored + i))));
  }
}

void run(const IntTiles& w, const IntRows& r) {
  const int64_t panel_bytes = w.groups * w.group_bytes;
  const bool zeros = w.zeros != nullptr, nibbles = w.bits == 4;
  for (int64_t n = r.begin; n < r.end; n += kWidth) {
    const uint8_t* codes = w.codes + n / kWidth * panel_bytes;
    if (r.rows <= r.height) {
      (nibbles ? kNibbles : kStoredBytes)[r.rows - 1][zeros](w, r, n, codes, 0);
      continue;
    }
    (nibbles ? unpack_nibbles : unpack_bytes)(codes, panel_bytes, r.panel);
    for (int64_t row = 0; row < r.rows; row += r.height) {
      const int64_t rows = r.rows - row < r.height ? r.rows - row : r.height;
      (nibbles ? kBytes : kWords)[rows - 1][zeros](w, r, n, r.panel, row);
    }
  }
}

}  // namespace

extern const IntKernel kIntKernelAvx2;
const IntKernel kIntKernelAvx2 = {kWidth, kRows, {4, 8, 1, 1}, {2, 0, 2, 2}, run, 0, 0};

}  // namespace fptq::kernels
