// Collects what logits say about a text, position by position in its order.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "eval/reference.h"
#include "fptq/eval.h"

namespace fptq {

class ScoreBook {
 public:
  // `pool` must outlive the book.
  ScoreBook(ThreadPool& pool, int64_t vocabulary) : pool_(pool), vocabulary_(vocabulary) {}

  // Logits [next.size(), vocabulary] of consecutive positions; next[i] is the id that follows position i, or
  // -1 where it is not scored. `reference` is at the same positions, or null (in all calls or none). Throws
  // Error(kFailure, where(i), ...) for the first position whose logits are not finite.
  void add(const float* logits, const Reference* reference, std::span<const int32_t> next,
           const std::function<std::string(int64_t)>& where);
  // The same with the reference model's logits of these positions, [next.size(), vocabulary].
  void add(const float* logits, const float* reference, std::span<const int32_t> next,
           const std::function<std::string(int64_t)>& where);

  // Sets scored, perplexity and its error and, if there was a reference, reference_perplexity, the ratio of
  // both with its error, kl and probability_change.
  // At least one position must have been scored.
  void fill(EvalResult& result) const;

 private:
  // Scores a row of the model's logits against the reference.
  using Score = std::function<ReferenceScore(int64_t row, std::span<const float> logits,
                                             const LogitSummary& summary, int32_t next)>;
  void add_rows(const float* logits, const Score& reference, std::span<const int32_t> next,
                const std::function<std::string(int64_t)>& where);

  ThreadPool& pool_;
  int64_t vocabulary_;
  std::vector<double> nll_, reference_nll_, kl_;
  int64_t same_top_ = 0;
};

}  // namespace fptq
