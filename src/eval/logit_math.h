// What the logits of one position say; all sums in double.
#pragma once

#include <cstdint>
#include <span>

#include "fptq/eval.h"

namespace fptq {

// log(sum(exp(logits))) and the index of the largest, the first of equals. `finite` is false when any logit
// is NaN or infinite; the other members mean nothing then.
struct LogitSummary {
  double log_sum_exp = 0;
  int64_t argmax = 0;
  bool finite = true;
};
LogitSummary summarize_logits(std::span<const float> logits);

// -log softmax(logits)[id], nats.
inline double negative_log_likelihood(std::span<const float> logits, const LogitSummary& summary,
                                      int32_t id) {
  return summary.log_sum_exp - static_cast<double>(logits[static_cast<size_t>(id)]);
}

// KL(softmax(reference) || softmax(logits)), nats; never negative.
double kl_divergence(std::span<const float> reference, const LogitSummary& reference_summary,
                     std::span<const float> logits, const LogitSummary& summary);

// The p-th percentile (0..100) of `sorted`, ascending and not empty, interpolated linearly between ranks as
// NumPy does.
double percentile(std::span<const double> sorted, double p);

KlHistogram histogram_of(std::span<const double> kl);

// `kl` holds one value per position, `same_top` how many of them have the same argmax.
Divergence summarize_divergence(std::span<const double> kl, int64_t same_top);

// `change` holds p(model) - p(reference) of every scored token; not empty.
ProbabilityChange summarize_change(std::span<const double> change);

// exp of the mean of `nll`, and its standard error by the delta method: exp(mean) * s / sqrt(n), s the sample
// standard deviation (0 for a single value).
struct PerplexityEstimate {
  double perplexity = 0;
  double standard_error = 0;
};
PerplexityEstimate estimate_perplexity(std::span<const double> nll);

}  // namespace fptq
