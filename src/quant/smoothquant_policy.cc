#include <fmt/format.h>

#include <cmath>

#include "quant/activation_policy.h"
#include "quant/equalize.h"
#include "quant/output_error.h"

namespace fptq {
namespace {

constexpr int kLeastAlpha = 2, kMostAlpha = 18, kAlphaSteps = 20;

}  // namespace

ActivationPlan smoothquant_policy(const ActivationContext& input) {
  ActivationPlan plan = plain_policy(input);
  if (input.norm.empty()) {
    plan.reason = "no norm to smooth";
    return plan;
  }
  const ActivationStatistics& statistics = input.statistics;
  const std::vector<float> columns = column_maxima(input.consumers);
  if (input.alpha) {
    plan.equalization = smoothquant_scales(statistics.channel_max, columns, *input.alpha);
    plan.reason = fmt::format("SmoothQuant {:g} folded into {}", *input.alpha, input.norm);
    return plan;
  }
  const OutputError error(statistics.sample, statistics.width(), input.consumers, input.weights, *input.pool);
  const double plain = error.of({}, trial_spec(input, {}));
  double least = plain, best = 0;
  for (int i = kLeastAlpha; i <= kMostAlpha; ++i) {
    const double alpha = static_cast<double>(i) / kAlphaSteps;
    std::vector<float> scales = smoothquant_scales(statistics.channel_max, columns, alpha);
    const double e = error.of(scales, trial_spec(input, scales));
    if (e >= least) continue;
    least = e;
    best = alpha;
    plan.equalization = std::move(scales);
  }
  plan.reason = plan.equalization.empty()
                    ? "no smoothing is best"
                    : fmt::format("SmoothQuant {:g} folded into {}, error {:.3f} of none's", best, input.norm,
                                  least / plain);
  return plan;
}

}  // namespace fptq
