#include "quant/input_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <string>

namespace fptq {
namespace {

constexpr int64_t kShownOutliers = 8;

// Four digits are more than a chart shows, and keep reports of large models small.
double four_digits(float v) {
  const std::string text = fmt::format("{:.4g}", v);
  double rounded = 0;
  std::from_chars(text.data(), text.data() + text.size(), rounded);
  return rounded;
}

ChannelMaxima summary(std::span<const float> maxima) {
  std::vector<float> sorted(maxima.begin(), maxima.end());
  std::ranges::sort(sorted);
  ChannelMaxima s{.largest = sorted.back(), .median = sorted[sorted.size() / 2]};
  const int64_t width = std::ssize(maxima), bins = std::min(kChannelBins, width);
  for (int64_t b = 0; b < bins; ++b) {
    const auto begin = maxima.begin() + b * width / bins, end = maxima.begin() + (b + 1) * width / bins;
    s.bins.push_back(four_digits(*std::max_element(begin, end)));
  }
  return s;
}

}  // namespace

InputProfile input_profile(const ActivationStatistics& statistics, std::span<const float> equalization) {
  InputProfile p;
  const std::vector<float>& before = statistics.channel_max;
  if (before.empty()) return p;
  std::vector<float> after = before;
  for (size_t j = 0; j < equalization.size(); ++j) after[j] /= equalization[j];
  p.tokens = statistics.tokens;
  p.channels = statistics.width();
  p.before = summary(before);
  p.after = summary(after);
  p.kurtosis = statistics.spread.kurtosis();
  p.massive_tokens = statistics.spread.massive_tokens();

  const double limit = kOutlierRatio * p.before.median;
  std::vector<int64_t> channels;
  for (int64_t j = 0; j < p.channels; ++j) {
    if (before[static_cast<size_t>(j)] > limit) channels.push_back(j);
  }
  p.outlier_channels = std::ssize(channels);
  std::ranges::stable_sort(channels, std::greater<>(),
                           [&](int64_t j) { return before[static_cast<size_t>(j)]; });
  channels.resize(static_cast<size_t>(std::min(kShownOutliers, p.outlier_channels)));
  for (const int64_t j : channels)
    p.outliers.push_back({j, before[static_cast<size_t>(j)], after[static_cast<size_t>(j)]});
  return p;
}

}  // namespace fptq
