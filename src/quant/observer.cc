#include "quant/observer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "fptq/error.h"
#include "linalg/sgemm.h"

namespace fptq {
namespace {

// Columns of a chunk: wide enough to stream whole cache lines of a row, narrow enough that small models use
// all cores.
constexpr int64_t kColumns = 128;
constexpr int64_t kTokens = 64;
// In medians of a batch; shared/docs/accuracy.md measured three.
constexpr float kLongest = 3.0f;

// maxima[c] = max(maxima[c], |x[c]|). Without its sign a float orders like its bits, with NaN above infinity:
// comparing bits keeps a NaN, where comparing floats would lose it again.
void raise(const float* x, int64_t n, float* maxima) {
  for (int64_t c = 0; c < n; ++c) {
    const int32_t magnitude = std::bit_cast<int32_t>(x[c]) & 0x7fffffff;
    maxima[c] = std::bit_cast<float>(std::max(magnitude, std::bit_cast<int32_t>(maxima[c])));
  }
}

}  // namespace

float ActivationStatistics::max() const {
  float v = 0.0f;
  for (const float a : channel_max) v = a > v ? a : v;
  return v;
}

ActivationObserver::ActivationObserver(ThreadPool& pool, const StatisticsNeeds& needs, int64_t tokens,
                                       const OriginalInputs* originals)
    : pool_(pool),
      needs_(needs),
      sample_step_(needs.sample_tokens == 0 ? 0 : std::max<int64_t>(1, tokens / needs.sample_tokens)),
      originals_(originals) {}

void ActivationObserver::on_linear_input(int64_t, InputId input, const float* x, int64_t tokens,
                                         int64_t width) {
  ActivationStatistics& s = statistics_[static_cast<size_t>(input)];
  if (s.channel_max.empty()) s.channel_max.assign(static_cast<size_t>(width), 0.0f);
  pool_.parallel_for(width, kColumns, [&](int64_t begin, int64_t end) {
    for (int64_t t = 0; t < tokens; ++t)
      raise(x + t * width + begin, end - begin, s.channel_max.data() + begin);
  });
  s.spread.add(pool_, x, tokens, width);
  if (needs_.moment) add_moment(input, x, tokens, s);
  if (sample_step_ > 0) add_sample(x, tokens, s);
  if (needs_.mean) add_mean(input, x, tokens, width);
  s.tokens += tokens;
}

void ActivationObserver::add_moment(InputId input, const float* x, int64_t tokens, ActivationStatistics& s) {
  const int64_t width = s.width();
  const auto start = [&](AlignedBuffer<float>& sum) {
    if (!sum.empty()) return;
    sum = AlignedBuffer<float>(static_cast<size_t>(width * width));
    std::ranges::fill(sum, 0.0f);
  };
  start(s.moment);
  std::vector<float> lengths(static_cast<size_t>(tokens));
  pool_.parallel_for(tokens, kTokens, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      double squares = 0;
      for (int64_t c = 0; c < width; ++c) squares += static_cast<double>(x[t * width + c]) * x[t * width + c];
      lengths[static_cast<size_t>(t)] = static_cast<float>(std::sqrt(squares));
    }
  });
  std::vector<float> sorted = lengths;
  std::nth_element(sorted.begin(), sorted.begin() + tokens / 2, sorted.end());
  const float longest = kLongest * sorted[static_cast<size_t>(tokens / 2)];
  shortened_.resize(static_cast<size_t>(tokens * width));
  pool_.parallel_for(tokens, kTokens, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float length = lengths[static_cast<size_t>(t)];
      const float factor = length > longest ? longest / length : 1.0f;
      for (int64_t c = 0; c < width; ++c) {
        shortened_[static_cast<size_t>(t * width + c)] = factor * x[t * width + c];
      }
    }
  });
  add_gram_lower(pool_, width, tokens, 1.0f, shortened_.data(), width, s.moment.data(), width);
  if (!needs_.drift) return;
  start(s.drift);
  const std::vector<float>& original = originals_->of(input);
  differences_.resize(shortened_.size());
  pool_.parallel_for(tokens, kTokens, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float length = lengths[static_cast<size_t>(t)];
      const float factor = length > longest ? longest / length : 1.0f;
      for (auto i = static_cast<size_t>(t * width); i < static_cast<size_t>((t + 1) * width); ++i) {
        differences_[i] = factor * (original[i] - x[i]);
      }
    }
  });
  gemm(pool_, width, width, tokens, 1.0f, {differences_.data(), width, true}, {shortened_.data(), width},
       1.0f, s.drift.data(), width);
}

void ActivationObserver::add_sample(const float* x, int64_t tokens, ActivationStatistics& s) const {
  const int64_t width = s.width();
  for (int64_t t = (sample_step_ - s.tokens % sample_step_) % sample_step_; t < tokens; t += sample_step_) {
    if (s.sample_tokens() == needs_.sample_tokens) return;
    s.sample.insert(s.sample.end(), x + t * width, x + (t + 1) * width);
  }
}

void ActivationObserver::add_mean(InputId input, const float* x, int64_t tokens, int64_t width) {
  std::vector<double>& sums = sums_[static_cast<size_t>(input)];
  sums.resize(static_cast<size_t>(width));
  pool_.parallel_for(width, kColumns, [&](int64_t begin, int64_t end) {
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t c = begin; c < end; ++c) sums[static_cast<size_t>(c)] += std::fabs(x[t * width + c]);
    }
  });
}

void ActivationObserver::finish() {
  for (size_t i = 0; i < statistics_.size(); ++i) {
    ActivationStatistics& s = statistics_[i];
    const float count = static_cast<float>(s.tokens);
    for (float& m : s.moment) m /= count;
    for (float& d : s.drift) d /= count;
    for (const double sum : sums_[i]) s.channel_mean.push_back(static_cast<float>(sum / count));
  }
}

void ActivationObserver::reset() {
  statistics_ = {};
  sums_ = {};
}

void check_finite(const ActivationStatistics& statistics, const std::string& where) {
  for (size_t j = 0; j < statistics.channel_max.size(); ++j) {
    if (std::isfinite(statistics.channel_max[j])) continue;
    throw Error(
        ErrorKind::kBadModel, where,
        fmt::format(
            "channel {} of the activations reaches {} on the calibration tokens, expected finite values", j,
            statistics.channel_max[j]),
        "check the model with fptq inspect");
  }
}

}  // namespace fptq
