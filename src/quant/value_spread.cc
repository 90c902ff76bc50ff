#include "quant/value_spread.h"

#include <algorithm>
#include <cmath>

#include "fptq/quantize.h"

namespace fptq {
namespace {

constexpr int64_t kEvery = 5;
constexpr int64_t kTokens = 64;  // of a chunk
// Sums run in so many lanes, which compilers turn into vectors without being allowed to reorder anything.
constexpr int64_t kLanes = 8;

using Powers = std::array<double, 4>;

float largest(const float* x, int64_t width) {
  std::array<float, kLanes> lanes = {};
  const int64_t whole = width - width % kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    for (int64_t k = 0; k < kLanes; ++k) {
      const float a = std::fabs(x[i + k]);
      lanes[static_cast<size_t>(k)] = a > lanes[static_cast<size_t>(k)] ? a : lanes[static_cast<size_t>(k)];
    }
  }
  float most = *std::ranges::max_element(lanes);
  for (int64_t i = whole; i < width; ++i) most = std::max(most, std::fabs(x[i]));
  return most;
}

Powers powers(const float* x, int64_t width) {
  Powers sums = {};
  for (int64_t i = 0; i < width; ++i) {
    const double v = x[i], square = v * v;
    sums[0] += v;
    sums[1] += square;
    sums[2] += square * v;
    sums[3] += square * square;
  }
  return sums;
}

}  // namespace

void ValueSpread::add(ThreadPool& pool, const float* x, int64_t tokens, int64_t width) {
  const auto first = std::ssize(token_max_);
  token_max_.resize(static_cast<size_t>(first + tokens));
  std::vector<Powers> of_token(static_cast<size_t>(tokens));
  pool.parallel_for(tokens, kTokens, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      token_max_[static_cast<size_t>(first + t)] = largest(x + t * width, width);
      if ((first + t) % kEvery == 0) of_token[static_cast<size_t>(t)] = powers(x + t * width, width);
    }
  });
  for (int64_t t = 0; t < tokens; ++t) {
    if ((first + t) % kEvery != 0) continue;
    for (size_t i = 0; i < sums_.size(); ++i) sums_[i] += of_token[static_cast<size_t>(t)][i];
    values_ += width;
  }
}

double ValueSpread::kurtosis() const {
  if (values_ == 0) return 0.0;
  const double n = static_cast<double>(values_), m = sums_[0] / n;
  const double x2 = sums_[1] / n, x3 = sums_[2] / n, x4 = sums_[3] / n;
  const double variance = x2 - m * m;
  const double fourth = x4 - 4 * m * x3 + 6 * m * m * x2 - 3 * m * m * m * m;
  const double kurtosis = fourth / (variance * variance);
  return variance > 0 && std::isfinite(kurtosis) ? kurtosis : 0.0;
}

int64_t ValueSpread::massive_tokens() const {
  if (token_max_.empty()) return 0;
  std::vector<float> sorted = token_max_;
  const auto middle = sorted.begin() + std::ssize(sorted) / 2;
  std::nth_element(sorted.begin(), middle, sorted.end());
  const double limit = kOutlierRatio * *middle;
  return std::ranges::count_if(token_max_, [&](float m) { return m > limit; });
}

}  // namespace fptq
