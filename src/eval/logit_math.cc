#include "eval/logit_math.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fptq {

LogitSummary summarize_logits(std::span<const float> logits) {
  LogitSummary summary;
  float largest = logits[0];
  for (size_t i = 0; i < logits.size(); ++i) {
    summary.finite = summary.finite && std::isfinite(logits[i]);
    if (logits[i] > largest) {
      largest = logits[i];
      summary.argmax = static_cast<int64_t>(i);
    }
  }
  if (!summary.finite) return summary;
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - largest);
  summary.log_sum_exp = largest + std::log(sum);
  return summary;
}

double kl_divergence(std::span<const float> reference, const LogitSummary& reference_summary,
                     std::span<const float> logits, const LogitSummary& summary) {
  double sum = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double log_p = static_cast<double>(reference[i]) - reference_summary.log_sum_exp;
    const double log_q = static_cast<double>(logits[i]) - summary.log_sum_exp;
    sum += std::exp(log_p) * (log_p - log_q);
  }
  return std::max(sum, 0.0);  // rounding may leave a few 1e-16 below
}

double percentile(std::span<const double> sorted, double p) {
  const double rank = p / 100.0 * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(rank);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (rank - static_cast<double>(below));
}

KlHistogram histogram_of(std::span<const double> kl) {
  KlHistogram histogram;
  histogram.counts.assign(KlHistogram::kBins, 0);
  for (const double v : kl) {
    int bin = 0;
    if (v >= KlHistogram::kLowest) {
      const double decades = std::log10(v / KlHistogram::kLowest);
      bin = std::min(1 + static_cast<int>(decades * KlHistogram::kPerDecade), KlHistogram::kBins - 1);
    }
    ++histogram.counts[static_cast<size_t>(bin)];
  }
  return histogram;
}

Divergence summarize_divergence(std::span<const double> kl, int64_t same_top) {
  std::vector<double> sorted(kl.begin(), kl.end());
  std::sort(sorted.begin(), sorted.end());
  double sum = 0;
  for (const double v : kl) sum += v;
  const double count = static_cast<double>(kl.size());
  return {.mean = sum / count,
          .median = percentile(sorted, 50),
          .p95 = percentile(sorted, 95),
          .p99 = percentile(sorted, 99),
          .max = sorted.back(),
          .top1 = static_cast<double>(same_top) / count,
          .histogram = histogram_of(kl)};
}

ProbabilityChange summarize_change(std::span<const double> change) {
  std::vector<double> sorted(change.begin(), change.end());
  std::sort(sorted.begin(), sorted.end());
  double sum = 0, squares = 0;
  for (const double v : change) {
    sum += v;
    squares += v * v;
  }
  const double count = static_cast<double>(change.size());
  return {.mean = sum / count,
          .rms = std::sqrt(squares / count),
          .min = sorted.front(),
          .p1 = percentile(sorted, 1),
          .p5 = percentile(sorted, 5),
          .p25 = percentile(sorted, 25),
          .median = percentile(sorted, 50),
          .p75 = percentile(sorted, 75),
          .p95 = percentile(sorted, 95),
          .p99 = percentile(sorted, 99),
          .max = sorted.back()};
}

PerplexityEstimate estimate_perplexity(std::span<const double> nll) {
  const double count = static_cast<double>(nll.size());
  double sum = 0;
  for (const double v : nll) sum += v;
  const double mean = sum / count;
  double squares = 0;
  for (const double v : nll) squares += (v - mean) * (v - mean);
  PerplexityEstimate estimate{.perplexity = std::exp(mean)};
  if (nll.size() > 1) {
    estimate.standard_error = estimate.perplexity * std::sqrt(squares / (count - 1) / count);
  }
  return estimate;
}

}  // namespace fptq
