// Loops over the values that share a grid. Rounding is half to even; the same bits on every instruction set.
#pragma once

#include <cstdint>

namespace fptq {

// A grid and its limits, as floats: x ~ scale * n for whole n in [lowest, highest] (codes less their zero
// point).
struct GridSpan {
  float scale = 1.0f;
  float lowest = 0.0f;
  float highest = 0.0f;
};

// The online form, whose zero point is added before it rounds; the limits are those of codes:
// y_i = scale * (round(clamp(x_i / scale + zero)) - zero); y may be x.
void to_grid(const GridSpan& codes, float zero, const float* x, int64_t n, float* y);
// gradient_i = 0 where that clamps x_i.
void stop_beyond_grid(const GridSpan& codes, float zero, const float* x, int64_t n, float* gradient);

// The offline form, whose limits are those of codes less their zero point:
// y_i = scale * clamp(round(w_i / scale + offset_i))
void to_grid_with_offsets(const GridSpan& grid, const float* w, const float* offset, int64_t n, float* y);
// code_i = clamp(round(w_i / scale + offset_i)) + zero
void code_with_offsets(const GridSpan& grid, int zero, const float* w, const float* offset, int64_t n,
                       int8_t* code);

// Gradients of a loss with respect to a grid's scale and zero point, rounding passed unchanged.
struct GridGradient {
  float scale = 0.0f;
  float zero = 0.0f;
};

// `gradient` is that of the y of to_grid_with_offsets(). Moves every offset by `by` against the sign of its
// gradient (not at all where it is 0 or the code is clamped) and returns the grid's, taken before the move.
GridGradient step_offsets(const GridSpan& grid, const float* w, const float* gradient, float by, int64_t n,
                          float* offset);

}  // namespace fptq
