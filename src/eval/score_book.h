// Collects what logits say about a text, position by position in its order.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "fptq/eval.h"

namespace fptq {

class ScoreBook {
 public:
  // `pool` must outlive the book.
  ScoreBook(ThreadPool& pool, int64_t vocabulary) : pool_(pool), vocabulary_(vocabulary) {}

  // Logits [next.size(), vocabulary] of consecutive positions; next[i] is the id that follows position i, or
  // -1 where it is not scored. `reference` holds the reference model's logits of the same positions, or is
  // null (in all calls or none). Throws Error(kFailure, where(i), ...) for the first position whose logits
  // are not finite.
  void add(const float* logits, const float* reference, std::span<const int32_t> next,
           const std::function<std::string(int64_t)>& where);

  // Sets scored, perplexity and its error and, if there was a reference, reference_perplexity, the ratio of
  // both with its error, kl and probability_change.
  // At least one position must have been scored.
  void fill(EvalResult& result) const;

 private:
  ThreadPool& pool_;
  int64_t vocabulary_;
  std::vector<double> nll_, reference_nll_, kl_;
  int64_t same_top_ = 0;
};

}  // namespace fptq
