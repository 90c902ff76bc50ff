#include "quant/grid.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fptq {
namespace {

// Adding and subtracting 1.5 * 2^23 rounds any |x| < 2^22 half to even, in code that vectorizes everywhere.
constexpr float kRounder = 12582912.0f;

float round_even(float x) {
  return (x + kRounder) - kRounder;
}
int lowest(int bits) {
  return -(1 << (bits - 1));
}
int highest(int bits) {
  return (1 << (bits - 1)) - 1;
}

}  // namespace

float round_to_dtype(float x, DType dtype) {
  std::byte stored[sizeof(float)];
  encode_row(dtype, &x, stored, 1);
  decode_row(dtype, stored, &x, 1);
  return x;
}

float smallest_scale(DType dtype) {
  return dtype == DType::kF16 ? 0x1p-24f : std::numeric_limits<float>::min();
}

float stored_scale(float scale, DType dtype) {
  const float rounded = round_to_dtype(scale, dtype);
  return std::copysign(std::max(std::fabs(rounded), smallest_scale(dtype)), rounded);
}

Range range_of(std::span<const float> w) {
  Range range;
  for (const float x : w) {
    range.low = std::min(range.low, x);
    range.high = std::max(range.high, x);
  }
  return range;
}

Range united(Range a, Range b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

GroupGrid fit_group(std::span<const float> w, int bits, bool symmetric, DType scale_dtype, SymmetricFit fit) {
  return fit_range(range_of(w), bits, symmetric, scale_dtype, fit);
}

GroupGrid fit_range(Range range, int bits, bool symmetric, DType scale_dtype, SymmetricFit fit) {
  const auto [low, high] = range;
  GroupGrid grid;
  if (symmetric) {
    const float reach = range.reach();
    const float more = fit == SymmetricFit::kNarrow ? 0.0f : fit == SymmetricFit::kFull ? 0.5f : 1.0f;
    const float steps = static_cast<float>(highest(bits)) + more;
    grid.scale = reach == 0.0f ? kEmptyScale : stored_scale(reach / steps, scale_dtype);
    if (fit == SymmetricFit::kSigned && high > -low) grid.scale = -grid.scale;
    return grid;
  }
  const int steps = (1 << bits) - 1;
  grid.scale =
      low == high ? kEmptyScale : stored_scale((high - low) / static_cast<float>(steps), scale_dtype);
  const float zero = std::clamp(-low / grid.scale, 0.0f, static_cast<float>(steps));
  grid.zero = static_cast<int32_t>(round_even(zero)) + lowest(bits);
  return grid;
}

void round_group(std::span<const float> w, const GroupGrid& grid, int bits, int8_t* codes) {
  // The limits are whole numbers, so that clamping before rounding gives what clamping after it would.
  const float low = static_cast<float>(lowest(bits) - grid.zero),
              high = static_cast<float>(highest(bits) - grid.zero);
  const int zero = grid.zero;
  for (size_t i = 0; i < w.size(); ++i) {
    const float x = w[i] / grid.scale;
    const float clamped = x < low ? low : (x > high ? high : x);
    codes[i] = static_cast<int8_t>(static_cast<int>(round_even(clamped)) + zero);
  }
}

}  // namespace fptq
