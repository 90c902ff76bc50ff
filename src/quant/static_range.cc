#include "quant/static_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/float8.h"
#include "fptq/error.h"
#include "quant/equalize.h"

namespace fptq {
namespace {

constexpr std::array<const char*, 3> kNames = {"minmax", "percentile", "mse"};

constexpr int kGrid = 100;    // steps of the whole range
constexpr int kShrinks = 20;  // that are tried
constexpr int kPatience = 5;
constexpr float kNorm = 2.4f;
constexpr int64_t kChunk = 1 << 14;
constexpr float kRounder = 12582912.0f;  // see grid.cc

// x / s of the sample.
std::vector<float> equalized_sample(const ActivationStatistics& statistics, std::span<const float> scales) {
  std::vector<float> values = statistics.sample;
  if (scales.empty()) return values;
  for (size_t i = 0; i < values.size(); ++i) values[i] /= scales[i % scales.size()];
  return values;
}

float percentile_of(std::vector<float> values, double percentile) {
  for (float& x : values) x = std::fabs(x);
  const double rank = percentile / 100.0 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(rank);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), at, values.end());
  if (below + 1 == values.size()) return *at;
  const double low = *at, high = *std::min_element(at + 1, values.end());
  return static_cast<float>(low + (rank - static_cast<double>(below)) * (high - low));
}

// Chunks are added in order, so that the sum does not depend on threads.
double rounding_error(std::span<const float> values, float reach, const ActivationSpec& form,
                      ThreadPool& pool) {
  const float high = largest_code(form), low = -high - 1.0f, scale = reach / high;
  const bool integer = form.type == CodeType::kInteger;
  const int64_t count = std::ssize(values);
  std::vector<double> sums(static_cast<size_t>((count + kChunk - 1) / kChunk));
  pool.parallel_for(count, kChunk, [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i) {
      const float x = values[static_cast<size_t>(i)];
      const float rounded = integer ? (std::clamp(x / scale, low, high) + kRounder) - kRounder
                                    : e4m3_to_float(float_to_e4m3(x / scale));
      sum += std::pow(std::fabs(rounded * scale - x), kNorm);
    }
    sums[static_cast<size_t>(begin / kChunk)] = sum;
  });
  double sum = 0;
  for (const double s : sums) sum += s;
  return sum;
}

float least_error_reach(std::span<const float> values, const ActivationSpec& form, ThreadPool& pool) {
  float whole = 0;
  for (const float x : values) whole = std::max(whole, std::fabs(x));
  float best = whole;
  double least = HUGE_VAL;
  for (int i = 0, in_vain = 0; i < kShrinks && in_vain < kPatience; ++i) {
    const float reach = whole * (1.0f - static_cast<float>(i) / static_cast<float>(kGrid));
    const double error = reach > 0 ? rounding_error(values, reach, form, pool) : 0.0;
    if (error < least) {
      least = error;
      best = reach;
      in_vain = 0;
    } else {
      ++in_vain;
    }
  }
  return best;
}

}  // namespace

float largest_code(const ActivationSpec& form) {
  return form.type == CodeType::kInteger ? static_cast<float>((1 << (form.bits - 1)) - 1) : kE4M3Max;
}

std::vector<std::string> range_observer_names() {
  return {kNames.begin(), kNames.end()};
}

RangeObserver find_range_observer(const std::string& name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<RangeObserver>(i);
  }
  throw Error(ErrorKind::kUsage, "observer",
              fmt::format("\"{}\" is unknown, expected minmax, percentile or mse", name));
}

float observed_reach(const ActivationStatistics& statistics, std::span<const float> scales,
                     const RangeOptions& options, const ActivationSpec& form, ThreadPool& pool) {
  if (options.needs_sample() && !statistics.sample.empty()) {
    std::vector<float> values = equalized_sample(statistics, scales);
    return options.observer == RangeObserver::kMse ? least_error_reach(values, form, pool)
                                                   : percentile_of(std::move(values), options.percentile);
  }
  return scales.empty() ? statistics.max() : equalized_max(statistics.channel_max, scales);
}

}  // namespace fptq
