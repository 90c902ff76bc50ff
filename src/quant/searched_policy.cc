#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quant/activation_policy.h"
#include "quant/equalize.h"
#include "quant/grid.h"
#include "quant/output_error.h"
#include "quant/static_range.h"

namespace fptq {
namespace {

// A static range may cost this much more than a scale per token. SmolLM2: 68 of 120 inputs become static, KL
// is 0.97 of that with a scale per token everywhere (scripts/goals.py; 0.96 to 1.03 with other weights).
// Ranges cut to what a sample showed cost 10 % on other kinds of text.
constexpr double kStaticMayCost = 1.06;
// Of the largest magnitude that calibration saw: text of another kind goes beyond what a smaller share holds.
constexpr double kRanges[] = {1.0, 0.85};

struct Candidate {
  std::string name;
  std::vector<float> scales;
};

// Channels made by one row of a layer share their scale: the largest of what each would get.
void tie(std::span<const int32_t> producer_rows, std::vector<float>& values) {
  if (producer_rows.empty()) return;
  std::vector<float> most(static_cast<size_t>(*std::ranges::max_element(producer_rows)) + 1, 0.0f);
  for (size_t j = 0; j < values.size(); ++j) {
    float& of_row = most[static_cast<size_t>(producer_rows[j])];
    of_row = std::max(of_row, values[j]);
  }
  for (size_t j = 0; j < values.size(); ++j) values[j] = most[static_cast<size_t>(producer_rows[j])];
}

std::vector<Candidate> candidates(const OutputError& error, std::span<const int32_t> producer_rows) {
  std::vector<float> reach(error.channel_max().begin(), error.channel_max().end()),
      columns(error.column_max().begin(), error.column_max().end());
  tie(producer_rows, reach);
  tie(producer_rows, columns);
  std::vector<Candidate> out = {{"none", {}}};
  const std::vector<float> lae = lae_scales(reach);
  for (const double beta : {0.5, 0.75, 1.0}) {
    Candidate& c = out.emplace_back(Candidate{fmt::format("LAE^{:g}", beta), lae});
    for (float& s : c.scales) s = static_cast<float>(std::pow(s, beta));
  }
  for (const double alpha : {0.3, 0.5, 0.7}) {
    out.push_back({fmt::format("SmoothQuant {:g}", alpha), smoothquant_scales(reach, columns, alpha)});
  }
  return out;
}

}  // namespace

ActivationPlan searched_policy(const ActivationContext& input) {
  const ActivationStatistics& statistics = input.statistics;
  const OutputError error(statistics.sample, statistics.width(), input.consumers, input.weights, *input.pool);
  ActivationSpec token;
  token.mode = ActivationMode::kDynamicToken;
  Candidate best;
  double least = HUGE_VAL, plain = 0;
  for (Candidate& c : candidates(error, input.producer_rows)) {
    const double e = error.of(c.scales, token);
    if (c.scales.empty()) plain = e;
    if (e >= least) continue;
    least = e;
    best = std::move(c);
  }
  ActivationPlan plan;
  plan.v = statistics.max();
  plan.spec = token;
  plan.equalization = best.scales;
  double least_static = HUGE_VAL;
  ActivationSpec fixed;
  fixed.mode = ActivationMode::kStaticTensor;
  const float reach = observed_reach(statistics, best.scales, {}, fixed, *input.pool);
  for (const double range : kRanges) {
    fixed.scale = round_to_dtype(static_cast<float>(range) * reach / 127.0f, input.scale_dtype);
    if (!(fixed.scale >= smallest_scale(input.scale_dtype)) || !std::isfinite(fixed.scale)) continue;
    const double e = error.of(best.scales, fixed);
    if (e >= least_static) continue;
    least_static = e;
    if (e <= kStaticMayCost * least) plan.spec = fixed;
  }
  plan.reason = fmt::format("{}: error {:.3f} of none's; static costs {:+.1f} %", best.name,
                            plain > 0 ? least / plain : 1.0, 100 * (least_static / least - 1));
  return plan;
}

}  // namespace fptq
