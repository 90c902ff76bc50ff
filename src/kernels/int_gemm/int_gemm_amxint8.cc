// int_gemm on AMX: tdpbsud multiplies a tile of 16 rows x 64 signed activations by 64 x 16 unsigned codes in
// one instruction. The codes lie as vpdpbusd wants them, four inputs interleaved, and that is how a tile of
// the second operand lies too: weights are packed as for AVX512-VNNI, and few rows, whose time goes into
// reading weights, run there. Many rows lie as matrices (IntInputLayout::matrix_from).
//
// A pass covers 32 rows times a panel of 32 columns in four tiles of sums. The sums of a group go through
// memory to be scaled; they are scaled while the tiles of the next group are multiplied.
#include <string.h>

#include "kernels/int_gemm/int_gemm_tiles.h"
#include "kernels/intrinsics.h"

namespace fptq::kernels {

extern const IntKernel kIntKernelAvx512Vnni;

namespace {

constexpr int kRows = 32;
constexpr int64_t kWidth = 32;
constexpr int64_t kStep = 4 * kWidth;  // bytes of a panel's codes for four inputs

struct Sums {
  alignas(64) int32_t at[kRows][kWidth];
};
struct Floats {
  alignas(64) float at[kRows][kWidth];
};

struct TileConfig {
  alignas(64) uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// Tiles 0..3: sums of 16 x 16; 4, 5: activations; 6, 7: codes. A step is `inputs` wide: 64 or 32.
// The intrinsic for this tells GCC 12 of 8 of the 64 bytes that it reads (GCC bug 114098).
void configure(int64_t inputs) {
  TileConfig config;
  for (int t = 0; t < 8; ++t) {
    config.rows[t] = t < 6 ? 16 : (uint8_t)(inputs / 4);
    config.row_bytes[t] = t == 4 || t == 5 ? (uint16_t)inputs : 64;
  }
  asm volatile("ldtilecfg %0" : : "m"(config));
}

inline __attribute__((always_inline)) void prefetch(const void* p) {
  _mm_prefetch((const char*)p, _MM_HINT_T0);
}

// One group's inputs, `step` at a time: two tiles of rows (or one) times two of columns.
inline __attribute__((always_inline)) void multiply(const int8_t* a, int64_t second, const uint8_t* codes,
                                                    int64_t inputs, int64_t step, bool two) {
  asm volatile("tilezero %%tmm0\n\ttilezero %%tmm1\n\ttilezero %%tmm2\n\ttilezero %%tmm3" ::: "memory");
  for (int64_t k = 0; k < inputs; k += step, a += 16 * step, codes += step / 4 * kStep) {
    asm volatile(
        "tileloadd (%0,%3,1), %%tmm6\n\t"
        "tileloadd (%1,%3,1), %%tmm7\n\t"
        "tileloadd (%2,%4,1), %%tmm4\n\t"
        "tdpbsud %%tmm6, %%tmm4, %%tmm0\n\t"
        "tdpbsud %%tmm7, %%tmm4, %%tmm1"
        :
        : "r"(codes), "r"(codes + 64), "r"(a), "r"(kStep), "r"(step)
        : "memory");
    if (two) {
      asm volatile(
          "tileloadd (%0,%1,1), %%tmm5\n\t"
          "tdpbsud %%tmm6, %%tmm5, %%tmm2\n\t"
          "tdpbsud %%tmm7, %%tmm5, %%tmm3"
          :
          : "r"(a + second), "r"(step)
          : "memory");
    }
    // The next step's lines: the hardware does not foresee what tiles will load.
#pragma GCC unroll 16
    for (int64_t line = 0; line < 16; ++line) {
      prefetch(a + 16 * step + 64 * line);
      prefetch(a + second + 16 * step + 64 * line);
      prefetch(codes + step / 4 * kStep + 64 * line);
      prefetch(codes + step / 4 * kStep + 64 * (16 + line));
    }
  }
}

inline __attribute__((always_inline)) void store_sums(Sums& sums, bool two) {
  constexpr int64_t kStride = kWidth * (int64_t)sizeof(int32_t);
  asm volatile("tilestored %%tmm0, (%0,%2,1)\n\ttilestored %%tmm1, (%1,%2,1)"
               :
               : "r"(sums.at[0]), "r"(sums.at[0] + 16), "r"(kStride)
               : "memory");
  if (two) {
    asm volatile("tilestored %%tmm2, (%0,%2,1)\n\ttilestored %%tmm3, (%1,%2,1)"
                 :
                 : "r"(sums.at[16]), "r"(sums.at[16] + 16), "r"(kStride)
                 : "memory");
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

// acc = fma(sums - what the codes' bias, the weights' and the activations' zero points add, scale, acc).
template <bool kZeros, bool kActZeros, bool kFirst>
void scale_group(const IntTiles& w, const IntRows& r, const Sums& sums, int64_t cell, const int32_t* starts,
                 int64_t row, int64_t rows, Floats& acc) {
  const __m512 scale0 = load_scales(w, cell), scale1 = load_scales(w, cell + 16);
  __m512i offset0 = _mm512_setzero_si512(), offset1 = offset0, sums0 = offset0, sums1 = offset0;
  if constexpr (kZeros) {
    offset0 = load_offsets(w, cell);
    offset1 = load_offsets(w, cell + 16);
  }
  if constexpr (kActZeros) {
    sums0 = _mm512_load_si512(w.sums + cell);
    sums1 = _mm512_load_si512(w.sums + cell + 16);
  }
#pragma GCC unroll 4
  for (int64_t t = 0; t < rows; ++t) {
    __m512i sum0 = _mm512_load_si512(sums.at[t]), sum1 = _mm512_load_si512(sums.at[t] + 16);
    const __m512i start = _mm512_set1_epi32(starts[t]);
    sum0 = kZeros ? _mm512_dpwssd_epi32(sum0, offset0, start) : _mm512_add_epi32(sum0, start);
    sum1 = kZeros ? _mm512_dpwssd_epi32(sum1, offset1, start) : _mm512_add_epi32(sum1, start);
    if constexpr (kActZeros) {
      const __m512i zero = _mm512_set1_epi32(r.act_zero[row + t]);
      sum0 = _mm512_sub_epi32(sum0, _mm512_mullo_epi32(sums0, zero));
      sum1 = _mm512_sub_epi32(sum1, _mm512_mullo_epi32(sums1, zero));
    }
    float* to = acc.at[t];
    _mm512_store_ps(to, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum0), scale0,
                                        kFirst ? _mm512_setzero_ps() : _mm512_load_ps(to)));
    _mm512_store_ps(to + 16, _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum1), scale1,
                                             kFirst ? _mm512_setzero_ps() : _mm512_load_ps(to + 16)));
  }
}

void write(const IntTiles& w, const IntRows& r, const Floats& acc, int64_t n, int64_t row, int64_t rows) {
  for (int64_t v = 0; v < kWidth && n + v < w.columns; v += 16) {
    const int64_t left = w.columns - n - v;
    const __mmask16 mask = left >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << left) - 1u);
    for (int64_t t = 0; t < rows; ++t) {
      __m512 y = _mm512_mul_ps(_mm512_load_ps(acc.at[t] + v), _mm512_set1_ps(r.act_scale[row + t]));
      if (w.bias != nullptr) y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(mask, w.bias + n + v));
      _mm512_mask_storeu_ps(r.y + (row + t) * r.ldy + n + v, mask, y);
    }
  }
}

// `rows` rows from `row` on times the panel of columns n..n+31.
template <bool kZeros, bool kActZeros>
void tile(const IntTiles& w, const IntRows& r, const uint8_t* codes, int64_t n, int64_t row, int64_t rows,
          int64_t step) {
  const int64_t row_bytes = w.groups * w.group_inputs;
  const int8_t* a = r.a + row * row_bytes;
  const int32_t* starts = (kZeros ? r.pairs : r.starts) + row * w.groups;
  const bool two = rows > 16;
  // Sums are read two groups after they were written: a load cannot pass a tile's store that is under way.
  constexpr int64_t kBehind = 2;
  Sums sums[kBehind + 1];
  Floats acc;
  for (int64_t g = 0; g < w.groups + kBehind; ++g) {
    const int64_t done = g - kBehind;
    if (g < w.groups) {
      multiply(a + 16 * g * w.group_inputs, 16 * row_bytes, codes + g * w.group_inputs / 4 * kStep,
               w.group_inputs, step, two);
    }
    if (done >= 0) {
      (done == 0 ? scale_group<kZeros, kActZeros, true>
                 : scale_group<kZeros, kActZeros, false>)(w, r, sums[done % (kBehind + 1)],
                                                          n * w.groups + done * kWidth, starts + done * rows,
                                                          row, rows, acc);
    }
    if (g < w.groups) store_sums(sums[g % (kBehind + 1)], two);
  }
  write(w, r, acc, n, row, rows);
}

void unpack(const uint8_t* nibbles, int64_t bytes, uint8_t* codes) {
  const __m512i low = _mm512_set1_epi8(15);
  for (int64_t i = 0; i < bytes; i += kStep, codes += 2 * kStep) {
    for (int64_t v = 0; v < kStep; v += 64) {
      const __m512i packed = _mm512_load_si512(nibbles + i + v);
      _mm_prefetch((const char*)nibbles + i + v + 4096, _MM_HINT_T1);
      _mm512_store_si512(codes + v, _mm512_and_si512(packed, low));
      _mm512_store_si512(codes + kStep + v, _mm512_and_si512(_mm512_srli_epi16(packed, 4), low));
    }
  }
}

constexpr decltype(&tile<false, false>) kTiles[2][2] = {{tile<false, false>, tile<false, true>},
                                                        {tile<true, false>, tile<true, true>}};

void run(const IntTiles& w, const IntRows& r) {
  if (!r.matrix) return kIntKernelAvx512Vnni.run(w, r);
  const int64_t panel_bytes = w.groups * w.group_bytes, step = w.group_inputs % 64 == 0 ? 64 : 32;
  configure(step);
  for (int64_t n = r.begin; n < r.end; n += kWidth) {
    const uint8_t* codes = w.codes + n / kWidth * panel_bytes;
    if (w.bits == 4) {
      unpack(codes, panel_bytes, r.panel);
      codes = r.panel;
    }
    for (int64_t row = 0; row < r.rows; row += r.height) {
      const int64_t rows = r.rows - row < r.height ? r.rows - row : r.height;
      kTiles[w.zeros != nullptr][r.act_zero != nullptr](w, r, codes, n, row, rows, step);
    }
  }
  // The tiles' state makes every switch to another thread slower while it is in use.
  asm volatile("tilerelease");
}

}  // namespace

extern const IntKernel kIntKernelAmxInt8;
const IntKernel kIntKernelAmxInt8 = {kWidth, 12, {4, 8, 1, 1}, {4, 128, 1, 0}, run, 13, kRows};

}  // namespace fptq::kernels
