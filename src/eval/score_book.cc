#include "eval/score_book.h"

#include <cmath>

#include "eval/logit_math.h"
#include "fptq/error.h"

namespace fptq {
namespace {

struct PositionScore {
  double nll = 0;
  ReferenceScore reference;
  bool finite = true;
};

}  // namespace

void ScoreBook::add(const float* logits, const Reference* reference, std::span<const int32_t> next,
                    const std::function<std::string(int64_t)>& where) {
  if (reference == nullptr) return add_rows(logits, nullptr, next, where);
  add_rows(
      logits,
      [&](int64_t row, std::span<const float> of_model, const LogitSummary& summary, int32_t id) {
        return reference->score(row, of_model, summary, id);
      },
      next, where);
}

void ScoreBook::add(const float* logits, const float* reference, std::span<const int32_t> next,
                    const std::function<std::string(int64_t)>& where) {
  if (reference == nullptr) return add_rows(logits, nullptr, next, where);
  add_rows(
      logits,
      [&](int64_t row, std::span<const float> of_model, const LogitSummary& summary, int32_t id) {
        return score_against({reference + row * vocabulary_, of_model.size()}, of_model, summary, id);
      },
      next, where);
}

void ScoreBook::add_rows(const float* logits, const Score& reference, std::span<const int32_t> next,
                         const std::function<std::string(int64_t)>& where) {
  // Threads only fill their positions' slots; sums below run in the order of the text, whatever thread was
  // faster.
  std::vector<PositionScore> scores(next.size());
  pool_.parallel_for(std::ssize(next), 2, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      PositionScore& score = scores[static_cast<size_t>(i)];
      const int32_t id = next[static_cast<size_t>(i)];
      const std::span row(logits + i * vocabulary_, static_cast<size_t>(vocabulary_));
      const LogitSummary summary = summarize_logits(row);
      score.finite = summary.finite;
      if (!score.finite) continue;
      if (id >= 0) score.nll = negative_log_likelihood(row, summary, id);
      if (!reference) continue;
      score.reference = reference(i, row, summary, id);
      score.finite = score.reference.finite;
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
    if (!reference) continue;
    if (next[i] >= 0) reference_nll_.push_back(score.reference.nll);
    kl_.push_back(score.reference.kl);
    if (score.reference.same_top) ++same_top_;
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
