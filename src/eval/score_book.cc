#include "eval/score_book.h"

#include <cmath>

#include "eval/logit_math.h"
#include "fptq/error.h"

namespace fptq {
namespace {

struct PositionScore {
  double nll = 0, reference_nll = 0, kl = 0;
  bool same_top = false;
  bool finite = true;
};

PositionScore score_position(std::span<const float> logits, std::span<const float> reference, int32_t next) {
  PositionScore score;
  const LogitSummary summary = summarize_logits(logits);
  score.finite = summary.finite;
  if (!score.finite) return score;
  if (next >= 0) score.nll = negative_log_likelihood(logits, summary, next);
  if (reference.empty()) return score;

  const LogitSummary reference_summary = summarize_logits(reference);
  score.finite = reference_summary.finite;
  if (!score.finite) return score;
  if (next >= 0) score.reference_nll = negative_log_likelihood(reference, reference_summary, next);
  score.kl = kl_divergence(reference, reference_summary, logits, summary);
  score.same_top = reference_summary.argmax == summary.argmax;
  return score;
}

}  // namespace

void ScoreBook::add(const float* logits, const float* reference, std::span<const int32_t> next,
                    const std::function<std::string(int64_t)>& where) {
  const auto row_of = [&](const float* base, int64_t i) -> std::span<const float> {
    if (base == nullptr) return {};
    return {base + i * vocabulary_, static_cast<size_t>(vocabulary_)};
  };
  // Threads only fill their positions' slots; sums below run in the order of the text, whatever thread was
  // faster.
  std::vector<PositionScore> scores(next.size());
  pool_.parallel_for(std::ssize(next), 2, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const size_t slot = static_cast<size_t>(i);
      scores[slot] = score_position(row_of(logits, i), row_of(reference, i), next[slot]);
    }
  });
  for (size_t i = 0; i < scores.size(); ++i) {
    const PositionScore& score = scores[i];
    if (!score.finite) {
      throw Error(ErrorKind::kFailure, where(static_cast<int64_t>(i)),
                  "found logits that are not finite, expected finite ones",
                  "look for extreme weights with 'fptq inspect'");
    }
    if (next[i] >= 0) nll_.push_back(score.nll);
    if (reference == nullptr) continue;
    if (next[i] >= 0) reference_nll_.push_back(score.reference_nll);
    kl_.push_back(score.kl);
    if (score.same_top) ++same_top_;
  }
}

void ScoreBook::fill(EvalResult& result) const {
  const PerplexityEstimate estimate = estimate_perplexity(nll_);
  result.scored = std::ssize(nll_);
  result.perplexity = estimate.perplexity;
  result.perplexity_stderr = estimate.standard_error;
  if (kl_.empty()) return;
  result.reference_perplexity = estimate_perplexity(reference_nll_).perplexity;
  std::vector<double> difference, change;
  for (size_t i = 0; i < nll_.size(); ++i) {
    difference.push_back(nll_[i] - reference_nll_[i]);
    change.push_back(std::exp(-nll_[i]) - std::exp(-reference_nll_[i]));
  }
  const PerplexityEstimate ratio = estimate_perplexity(difference);
  result.perplexity_ratio = ratio.perplexity;
  result.perplexity_ratio_stderr = ratio.standard_error;
  result.probability_change = summarize_change(change);
  result.kl = summarize_divergence(kl_, same_top_);
}

}  // namespace fptq
