#include <fmt/format.h>

#include <cmath>

#include "quant/activation_policy.h"
#include "quant/awq.h"
#include "quant/output_error.h"

namespace fptq {
namespace {

constexpr int kGrid = 20;

// Channels made by one row of a layer share their scale: it is made from their means.
void average_tied(std::span<const int32_t> producer_rows, std::vector<float>& values) {
  if (producer_rows.empty()) return;
  std::vector<double> sums(values.size()), counts(values.size());
  for (size_t j = 0; j < values.size(); ++j) {
    sums[static_cast<size_t>(producer_rows[j])] += values[j];
    counts[static_cast<size_t>(producer_rows[j])] += 1;
  }
  for (size_t j = 0; j < values.size(); ++j) {
    const auto row = static_cast<size_t>(producer_rows[j]);
    values[j] = static_cast<float>(sums[row] / counts[row]);
  }
}

}  // namespace

ActivationPlan awq_policy(const ActivationContext& input) {
  const ActivationStatistics& statistics = input.statistics;
  std::vector<float> channels = statistics.channel_mean,
                     columns = relative_column_means(input.consumers, input.weights.group_size);
  average_tied(input.producer_rows, channels);
  average_tied(input.producer_rows, columns);
  const OutputError error(statistics.sample, statistics.width(), input.consumers, input.weights, *input.pool);
  const double plain = error.of({}, trial_spec(input, {}));

  ActivationPlan plan = plain_policy(input);
  plan.reason = "AWQ finds no scales that help";
  double least = plain;
  for (const bool duo : {false, true}) {
    for (int i = 0; i < kGrid; ++i) {
      const double ratio = static_cast<double>(i) / (kGrid - 1);
      std::vector<float> scales =
          awq_scales(channels, duo ? std::span<const float>(columns) : std::span<const float>(), ratio);
      const double e = error.of(scales, trial_spec(input, scales));
      if (e >= least) continue;
      least = e;
      plan.equalization = std::move(scales);
      plan.reason = fmt::format("AWQ ratio {:.2f}{}, error {:.3f} of none's", ratio,
                                duo ? " with weights" : "", least / plain);
    }
  }
  return plan;
}

}  // namespace fptq
