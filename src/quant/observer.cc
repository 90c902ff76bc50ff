#include "quant/observer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "fptq/error.h"

namespace fptq {
namespace {

// Columns of a chunk: wide enough to stream whole cache lines of a row, narrow enough that small models use
// all cores.
constexpr int64_t kColumns = 128;

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

void ActivationObserver::on_linear_input(int64_t, InputId input, const float* x, int64_t tokens,
                                         int64_t width) {
  ActivationStatistics& s = statistics_[static_cast<size_t>(input)];
  if (s.channel_max.empty()) s.channel_max.assign(static_cast<size_t>(width), 0.0f);
  pool_.parallel_for(width, kColumns, [&](int64_t begin, int64_t end) {
    for (int64_t t = 0; t < tokens; ++t)
      raise(x + t * width + begin, end - begin, s.channel_max.data() + begin);
  });
  s.tokens += tokens;
}

void ActivationObserver::reset() {
  statistics_ = {};
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
