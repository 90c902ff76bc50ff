// int_gemm on AVX512-VNNI: vpdpbusd sums four products of an unsigned code and a signed activation in each of
// 16 int32 lanes, so that codes are stored unsigned (code + 8, code + 128) with four inputs interleaved, and
// the activations are broadcast four at a time.
//
// A tile is up to 12 rows times a panel of 32 columns: 24 sums, two registers of codes and one of activations
// at a time. A tile runs over all inputs, so that its float sums never leave the nearest cache; many tiles
// share a panel that was unpacked to bytes once, a single tile takes the nibbles as they are stored.
#include <string.h>

#include "kernels/int_gemm/int_gemm_tiles.h"
#include "kernels/intrinsics.h"

namespace fptq::kernels {
namespace {

constexpr int kRows = 12;
constexpr int kVectors = 2;
constexpr int64_t kWidth = 16 * kVectors;
constexpr int64_t kBlock = 4 * kWidth;  // bytes of codes that one step multiplies
constexpr int64_t kPrefetch = 4096;

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
inline __attribute__((always_inline)) void add_pairs(__m512i& sum, __m512i a, __m512i b) {
  asm volatile("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
}

// Outputs come from far away; stores that wait for them would hold up those of the float sums.
inline __attribute__((always_inline)) void prefetch_to_write(const float* y) {
  asm volatile("prefetchw %0" : : "m"(*y));
}

inline __m512i low_codes(__m512i bytes) {
  return _mm512_and_si512(bytes, _mm512_set1_epi8(15));
}
inline __m512i high_codes(__m512i bytes) {
  return _mm512_and_si512(_mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(15));
}

// Where a tile's codes come from: one per byte, or nibbles as they are stored.
struct Bytes {
  static constexpr int kInputs = 4;
};
struct Nibbles {
  static constexpr int kInputs = 8;
};

template <int T>
inline __attribute__((always_inline)) void dot_step(Bytes, const uint8_t* codes, const int8_t* a,
                                                    __m512i (&sum)[T][kVectors]) {
  const __m512i w0 = _mm512_load_si512(codes), w1 = _mm512_load_si512(codes + 64);
#pragma GCC unroll 12
  for (int t = 0; t < T; ++t) {
    const __m512i four = broadcast4(a + 4 * t);
    add_dots(sum[t][0], w0, four);
    add_dots(sum[t][1], w1, four);
  }
}

template <int T>
inline __attribute__((always_inline)) void dot_step(Nibbles, const uint8_t* codes, const int8_t* a,
                                                    __m512i (&sum)[T][kVectors]) {
  const __m512i bytes0 = _mm512_load_si512(codes), bytes1 = _mm512_load_si512(codes + 64);
  _mm_prefetch((const char*)codes + kPrefetch, _MM_HINT_T1);
  _mm_prefetch((const char*)codes + kPrefetch + 64, _MM_HINT_T1);
  const __m512i low0 = low_codes(bytes0), low1 = low_codes(bytes1);
#pragma GCC unroll 12
  for (int t = 0; t < T; ++t) {
    const __m512i four = broadcast4(a + 4 * t);
    add_dots(sum[t][0], low0, four);
    add_dots(sum[t][1], low1, four);
  }
  const __m512i high0 = high_codes(bytes0), high1 = high_codes(bytes1);
#pragma GCC unroll 12
  for (int t = 0; t < T; ++t) {
    const __m512i four = broadcast4(a + 4 * T + 4 * t);
    add_dots(sum[t][0], high0, four);
    add_dots(sum[t][1], high1, four);
  }
}

// 16 scales from `cell` on.
inline __attribute__((always_inline)) __m512 load_scales(const IntTiles& w, int64_t cell) {
  if (w.scale_type == kScaleF32) return _mm512_load_ps((const float*)w.scales + cell);
  const __m256i halves = _mm256_load_si256((const __m256i*)((const uint16_t*)w.scales + cell));
  if (w.scale_type == kScaleF16) return _mm512_cvtph_ps(halves);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

// What the sum of activations is multiplied by, as words (offset, 128 * offset): 16 columns from `cell` on.
inline __attribute__((always_inline)) __m512i load_offsets(const IntTiles& w, int64_t cell) {
  const __m512i offset = _mm512_add_epi32(
      _mm512_cvtepi8_epi32(_mm_load_si128((const __m128i*)(w.zeros + cell))), _mm512_set1_epi32(w.code_bias));
  return _mm512_or_si512(_mm512_and_si512(offset, _mm512_set1_epi32(0xffff)), _mm512_slli_epi32(offset, 23));
}

// T rows from `row` on times one panel. kZeros: the weights have zero points; without, the sums start from
// what code_bias adds.
template <int T, typename Source, bool kZeros>
void tile(const IntTiles& w, const IntRows& r, int64_t n, const uint8_t* codes, int64_t row) {
  const int8_t* a = r.a + row * w.groups * w.group_inputs;
  const int32_t* starts = (kZeros ? r.pairs : r.starts) + row * w.groups;
  const int64_t steps = w.group_inputs / Source::kInputs;
  int64_t cell = n * w.groups;
#pragma GCC unroll 12
  for (int t = 0; t < T; ++t) {
    prefetch_to_write(r.y + (row + t) * r.ldy + n);
    prefetch_to_write(r.y + (row + t) * r.ldy + n + 16);
  }
  __m512 acc[T][kVectors];
#pragma GCC unroll 12
  for (int t = 0; t < T; ++t) acc[t][0] = acc[t][1] = _mm512_setzero_ps();
  for (int64_t g = 0; g < w.groups; ++g, starts += T, cell += kWidth) {
    // All loops over the tile are unrolled, or the sums would live in memory.
    __m512i sum[T][kVectors];
#pragma GCC unroll 12
    for (int t = 0; t < T; ++t) {
      sum[t][0] = sum[t][1] = kZeros ? _mm512_setzero_si512() : _mm512_set1_epi32(starts[t]);
    }
    int64_t left = steps;
    for (; left >= 4; left -= 4, codes += 4 * kBlock, a += 4 * T * Source::kInputs) {
#pragma GCC unroll 4
      for (int s = 0; s < 4; ++s) dot_step<T>(Source{}, codes + s * kBlock, a + s * T * Source::kInputs, sum);
    }
#pragma GCC unroll 1
    for (; left > 0; --left, codes += kBlock, a += T * Source::kInputs) dot_step<T>(Source{}, codes, a, sum);
    if constexpr (kZeros) {
      const __m512i offset0 = load_offsets(w, cell), offset1 = load_offsets(w, cell + 16);
#pragma GCC unroll 12
      for (int t = 0; t < T; ++t) {
        const __m512i pair = _mm512_set1_epi32(starts[t]);
        add_pairs(sum[t][0], offset0, pair);
        add_pairs(sum[t][1], offset1, pair);
      }
    }
    if (r.act_zero != nullptr) {
      const __m512i sums0 = _mm512_load_si512(w.sums + cell), sums1 = _mm512_load_si512(w.sums + cell + 16);
#pragma GCC unroll 12
      for (int t = 0; t < T; ++t) {
        const __m512i zero = _mm512_set1_epi32(r.act_zero[row + t]);
        sum[t][0] = _mm512_sub_epi32(sum[t][0], _mm512_mullo_epi32(sums0, zero));
        sum[t][1] = _mm512_sub_epi32(sum[t][1], _mm512_mullo_epi32(sums1, zero));
      }
    }
    const __m512 scale0 = load_scales(w, cell), scale1 = load_scales(w, cell + 16);
#pragma GCC unroll 12
    for (int t = 0; t < T; ++t) {
      acc[t][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[t][0]), scale0, acc[t][0]);
      acc[t][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[t][1]), scale1, acc[t][1]);
    }
  }
#pragma GCC unroll 12
  for (int t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      const int64_t left = w.columns - n - 16 * v;
      if (left <= 0) continue;
      const __mmask16 mask = left >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << left) - 1u);
      __m512 y = _mm512_mul_ps(acc[t][v], _mm512_set1_ps(r.act_scale[row + t]));
      if (w.bias != nullptr) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, w.bias + n + 16 * v));
      _mm512_mask_storeu_ps(r.y + (row + t) * r.ldy + n + 16 * v, mask, y);
    }
  }
}

typedef void (*Tile)(const IntTiles& w, const IntRows& r, int64_t n, const uint8_t* codes, int64_t row);

// [rows - 1][weights have zero points]
#define FPTQ_TILES(source, t) \
  { tile<t, source, false>, tile<t, source, true> }
#define FPTQ_ALL_TILES(source)                                                                        \
  {                                                                                                   \
    FPTQ_TILES(source, 1), FPTQ_TILES(source, 2), FPTQ_TILES(source, 3), FPTQ_TILES(source, 4),       \
        FPTQ_TILES(source, 5), FPTQ_TILES(source, 6), FPTQ_TILES(source, 7), FPTQ_TILES(source, 8),   \
        FPTQ_TILES(source, 9), FPTQ_TILES(source, 10), FPTQ_TILES(source, 11), FPTQ_TILES(source, 12) \
  }
constexpr Tile kByteTiles[kRows][2] = FPTQ_ALL_TILES(Bytes);
constexpr Tile kNibbleTiles[kRows][2] = FPTQ_ALL_TILES(Nibbles);
#undef FPTQ_ALL_TILES
#undef FPTQ_TILES

void unpack(const uint8_t* nibbles, int64_t bytes, uint8_t* codes) {
  for (int64_t i = 0; i < bytes; i += kBlock, codes += 2 * kBlock) {
#pragma GCC unroll 2
    for (int64_t v = 0; v < kBlock; v += 64) {
      const __m512i packed = _mm512_load_si512(nibbles + i + v);
      _mm_prefetch((const char*)nibbles + i + v + kPrefetch, _MM_HINT_T1);
      _mm512_store_si512(codes + v, low_codes(packed));
      _mm512_store_si512(codes + kBlock + v, high_codes(packed));
    }
  }
}

void run(const IntTiles& w, const IntRows& r) {
  const int64_t panel_bytes = w.groups * w.group_bytes;
  const bool direct = w.bits == 4 && r.rows <= r.height;
  const bool zeros = w.zeros != nullptr;
  for (int64_t n = r.begin; n < r.end; n += kWidth) {
    const uint8_t* codes = w.codes + n / kWidth * panel_bytes;
    if (direct) {
      kNibbleTiles[r.rows - 1][zeros](w, r, n, codes, 0);
      continue;
    }
    if (w.bits == 4) {
      unpack(codes, panel_bytes, r.panel);
      codes = r.panel;
    }
    for (int64_t row = 0; row < r.rows; row += r.height) {
      const int64_t rows = r.rows - row < r.height ? r.rows - row : r.height;
      kByteTiles[rows - 1][zeros](w, r, n, codes, row);
    }
  }
}

}  // namespace

extern const IntKernel kIntKernelAvx512Vnni;
const IntKernel kIntKernelAvx512Vnni = {kWidth, kRows, {4, 8, 1, 1}, {4, 128, 1, 0}, run, 0, 0};

}  // namespace fptq::kernels
