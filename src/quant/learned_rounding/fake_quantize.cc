#include "quant/learned_rounding/fake_quantize.h"

#include <algorithm>
#include <cmath>

#include "quant/learned_rounding/grid_ops.h"
#include "quant/learned_rounding/row_ops.h"

namespace fptq {
namespace {

constexpr float kLowest = -128.0f, kHighest = 127.0f;
// Scale of a token of zeros.
constexpr float kEmptyScale = 0x1p-23f;

// x / scale + zero clamped to the codes is x / scale clamped to the codes less zero, both being whole
// numbers.
GridSpan span_of(float scale, float zero) {
  return {scale, kLowest - zero, kHighest - zero};
}

GridSpan static_span(const ActivationSpec& spec) {
  return span_of(spec.scale, static_cast<float>(spec.zero_point));
}

GridSpan token_span(const ActivationSpec& spec, const float* x, int64_t n) {
  if (spec.symmetric) {
    const float s = largest_magnitude(x, n) / 127.5f;
    return span_of(s > 0.0f ? s : kEmptyScale, 0.0f);
  }
  const auto [least, most] = std::minmax_element(x, x + n);
  const float low = std::min(*least, 0.0f), s = (std::max(*most, 0.0f) - low) / 255.0f;
  const float scale = s > 0.0f ? s : kEmptyScale;
  return span_of(scale, std::nearbyint(std::clamp(kLowest - low / scale, kLowest, kHighest)));
}

}  // namespace

void fake_quantize(const ActivationSpec& spec, const float* x, int64_t n, float* y) {
  switch (spec.mode) {
    case ActivationMode::kFloat:
      if (y != x) std::copy_n(x, n, y);
      return;
    case ActivationMode::kStaticTensor:
      return to_grid(static_span(spec), x, n, y);
    case ActivationMode::kDynamicToken:
      return to_grid(token_span(spec, x, n), x, n, y);
  }
}

void fake_quantize_backward(const ActivationSpec& spec, const float* x, int64_t n, float* gradient) {
  if (spec.mode == ActivationMode::kStaticTensor) stop_beyond_grid(static_span(spec), x, n, gradient);
}

}  // namespace fptq
