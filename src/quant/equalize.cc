#include "quant/equalize.h"

#include <algorithm>
#include <cmath>

namespace fptq {
namespace {

// A channel that hardly moves in calibration would be amplified without bound: 1/s reaches the norm's
// weights, and with them any other data. Other implementations (llm-compressor) stop at the same value.
constexpr double kSmallestScale = 1e-5;

}  // namespace

std::vector<float> lae_scales(std::span<const float> channel_max) {
  std::vector<float> scales(channel_max.size());
  for (size_t j = 0; j < scales.size(); ++j) {
    const double a = channel_max[j];
    scales[j] = a == 0.0 ? 1.0f : static_cast<float>(std::max(a / std::log2(2.0 + a), kSmallestScale));
  }
  return scales;
}

std::vector<float> smoothquant_scales(std::span<const float> channel_max, std::span<const float> column_max,
                                      double alpha) {
  std::vector<float> scales(channel_max.size(), 1.0f);
  for (size_t j = 0; j < scales.size(); ++j) {
    const double a = channel_max[j], w = column_max[j];
    if (a == 0.0 || w == 0.0) continue;
    scales[j] = static_cast<float>(std::max(std::pow(a, alpha) / std::pow(w, 1.0 - alpha), kSmallestScale));
  }
  return scales;
}

float equalized_max(std::span<const float> channel_max, std::span<const float> scales) {
  float v = 0.0f;
  for (size_t j = 0; j < channel_max.size(); ++j) v = std::max(v, channel_max[j] / scales[j]);
  return v;
}

}  // namespace fptq
