#include "runtime/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/uniform.h"
#include "fptq/error.h"

namespace fptq {
namespace {

void require(bool ok, const char* option, double value, const char* expected) {
  if (!ok) throw Error(ErrorKind::kUsage, option, fmt::format("{} is not {}", value, expected));
}

}  // namespace

void SamplingOptions::validate() const {
  require(std::isfinite(temperature) && temperature >= 0, "--temp", temperature, "a number >= 0");
  require(top_k >= 0, "--top-k", static_cast<double>(top_k), "a number >= 0");
  require(top_p > 0 && top_p <= 1, "--top-p", top_p, "in (0, 1]");
  require(min_p >= 0 && min_p <= 1, "--min-p", min_p, "in [0, 1]");
  require(std::isfinite(repetition_penalty) && repetition_penalty > 0, "--repeat-penalty", repetition_penalty,
          "a number > 0");
}

Sampler::Sampler(const SamplingOptions& options) : options_(options), random_(options.seed) {
  options.validate();
}

int32_t Sampler::sample(std::span<float> logits, std::span<const int32_t> seen) {
  if (options_.repetition_penalty != 1.0) {
    const auto penalty = static_cast<float>(options_.repetition_penalty);
    const std::unordered_set<int32_t> unique(seen.begin(), seen.end());
    for (const int32_t id : unique) {
      float& l = logits[static_cast<size_t>(id)];
      l = l > 0 ? l / penalty : l * penalty;
    }
  }
  const auto best = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  if (!std::isfinite(logits[static_cast<size_t>(best)])) {
    throw Error(ErrorKind::kFailure, "logits", "the model produced values that are not finite");
  }
  if (options_.temperature == 0.0) return best;

  const double top = logits[static_cast<size_t>(best)];
  candidates_.clear();
  for (size_t i = 0; i < logits.size(); ++i) {
    candidates_.push_back({std::exp((logits[i] - top) / options_.temperature), static_cast<int32_t>(i)});
  }
  const auto more_likely = [](const Candidate& a, const Candidate& b) {
    return a.p != b.p ? a.p > b.p : a.id < b.id;
  };
  size_t keep = candidates_.size();
  if (options_.top_k > 0) keep = std::min(keep, static_cast<size_t>(options_.top_k));
  std::partial_sort(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(keep),
                    candidates_.end(), more_likely);
  candidates_.resize(keep);

  if (options_.top_p < 1.0) {
    double total = 0;
    for (const Candidate& c : candidates_) total += c.p;
    double sum = 0;
    size_t n = 0;
    while (n < candidates_.size() && sum < options_.top_p * total) sum += candidates_[n++].p;
    candidates_.resize(std::max<size_t>(n, 1));
  }
  if (options_.min_p > 0.0) {
    // The best candidate has p = 1 before normalization.
    while (candidates_.size() > 1 && candidates_.back().p < options_.min_p) candidates_.pop_back();
  }
  double total = 0;
  for (const Candidate& c : candidates_) total += c.p;
  double draw = draw_fraction(random_) * total;
  for (const Candidate& c : candidates_) {
    draw -= c.p;
    if (draw < 0) return c.id;
  }
  return candidates_.back().id;
}

}  // namespace fptq
