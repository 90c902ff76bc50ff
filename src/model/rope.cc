#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fptq {
namespace {

constexpr double kTau = 2.0 * std::numbers::pi;

// Llama 3.1: long wavelengths are stretched by `factor`, short ones stay, those between are blended.
void scale_llama3(const RopeConfig& rope, std::vector<float>& inverse) {
  const double original = static_cast<double>(rope.original_max_position);
  const double low_wavelength = original / rope.low_freq_factor,
               high_wavelength = original / rope.high_freq_factor;
  for (float& f : inverse) {
    const double wavelength = kTau / f;
    if (wavelength < high_wavelength) continue;
    if (wavelength > low_wavelength) {
      f = static_cast<float>(f / rope.factor);
    } else {
      const double smooth =
          (original / wavelength - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
      f = static_cast<float>((1.0 - smooth) * f / rope.factor + smooth * f);
    }
  }
}

// YaRN (arXiv 2309.00071, section 3.2): a ramp over the dimensions between extrapolation and interpolation.
void scale_yarn(const RopeConfig& rope, int64_t head_dim, std::vector<float>& inverse) {
  const double dim = static_cast<double>(head_dim);
  const auto correction_dim = [&](double rotations) {
    return dim * std::log(static_cast<double>(rope.original_max_position) / (rotations * kTau)) /
           (2.0 * std::log(rope.theta));
  };
  double low = correction_dim(rope.beta_fast), high = correction_dim(rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1.0);
  if (low == high) high += 0.001;  // no division by zero
  for (size_t i = 0; i < inverse.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    inverse[i] = static_cast<float>(inverse[i] / rope.factor * ramp + inverse[i] * (1.0 - ramp));
  }
}

double yarn_attention_factor(const RopeConfig& rope) {
  const auto mscale = [&](double m) {
    return rope.factor <= 1.0 ? 1.0 : 0.1 * m * std::log(rope.factor) + 1.0;
  };
  if (rope.attention_factor > 0.0) return rope.attention_factor;
  if (rope.mscale != 0.0 && rope.mscale_all_dim != 0.0)
    return mscale(rope.mscale) / mscale(rope.mscale_all_dim);
  return mscale(1.0);
}

}  // namespace

RopeTable::RopeTable(const ModelConfig& config) : half_(config.head_dim / 2) {
  const RopeConfig& rope = config.rope;
  for (int64_t i = 0; i < half_; ++i) {
    const double exponent =
        static_cast<double>(static_cast<float>(2 * i) / static_cast<float>(config.head_dim));
    inverse_frequency_.push_back(static_cast<float>(1.0 / std::pow(rope.theta, exponent)));
  }
  switch (rope.scaling) {
    case RopeScaling::kNone:
      break;
    case RopeScaling::kLinear:
      for (float& f : inverse_frequency_) f = static_cast<float>(f / rope.factor);
      break;
    case RopeScaling::kLlama3:
      scale_llama3(rope, inverse_frequency_);
      break;
    case RopeScaling::kYarn:
      scale_yarn(rope, config.head_dim, inverse_frequency_);
      attention_factor_ = static_cast<float>(yarn_attention_factor(rope));
      break;
  }
  for (size_t i = 0; i < rope.frequency_factors.size() && i < inverse_frequency_.size(); ++i) {
    inverse_frequency_[i] /= rope.frequency_factors[i];
  }
}

void RopeTable::prepare(int64_t positions) {
  const auto known = static_cast<int64_t>(cos_.size()) / std::max<int64_t>(half_, 1);
  if (positions <= known) return;
  positions = std::max(positions, known + known / 2);
  cos_.resize(static_cast<size_t>(positions * half_));
  sin_.resize(static_cast<size_t>(positions * half_));
  for (int64_t p = known; p < positions; ++p) {
    for (int64_t i = 0; i < half_; ++i) {
      const float angle = static_cast<float>(p) * inverse_frequency_[static_cast<size_t>(i)];
      cos_[static_cast<size_t>(p * half_ + i)] =
          static_cast<float>(std::cos(static_cast<double>(angle))) * attention_factor_;
      sin_[static_cast<size_t>(p * half_ + i)] =
          static_cast<float>(std::sin(static_cast<double>(angle))) * attention_factor_;
    }
  }
}

}  // namespace fptq
