// What a model's predictions are held against, one window of the text after the other.
#pragma once

#include <cstdint>
#include <span>

#include "eval/logit_math.h"
#include "eval/logit_source.h"

namespace fptq {

// What a position says about a model and its reference.
struct ReferenceScore {
  double nll = 0;  // of the text's next token, by the reference
  double kl = 0;   // KL(reference || model), nats
  bool same_top = false;
  bool finite = true;  // else the rest means nothing
};

// `next` is the id that follows, or -1 where it is not scored.
inline ReferenceScore score_against(std::span<const float> reference, std::span<const float> logits,
                                    const LogitSummary& summary, int32_t next) {
  const LogitSummary of_reference = summarize_logits(reference);
  if (!of_reference.finite) return {.finite = false};
  return {.nll = next >= 0 ? negative_log_likelihood(reference, of_reference, next) : 0.0,
          .kl = kl_divergence(reference, of_reference, logits, summary),
          .same_top = of_reference.argmax == summary.argmax};
}

// Not thread-safe but for score().
class Reference {
 public:
  virtual ~Reference() = default;

  virtual int64_t vocab_size() const = 0;
  virtual void run_window(std::span<const int32_t> ids) = 0;
  // Positions [begin, begin + rows) of that window are scored next.
  virtual void go_to(int64_t begin, int64_t rows) = 0;
  // Row `row` of them against the model's logits [vocab_size], which `summary` sums up. Thread-safe.
  virtual ReferenceScore score(int64_t row, std::span<const float> logits, const LogitSummary& summary,
                               int32_t next) const = 0;
};

// Whatever gives logits.
class LogitReference final : public Reference {
 public:
  // `source` must outlive it.
  explicit LogitReference(LogitSource& source) : source_(source) {}

  int64_t vocab_size() const override { return source_.vocab_size(); }
  void run_window(std::span<const int32_t> ids) override { source_.run_window(ids); }
  void go_to(int64_t begin, int64_t rows) override { logits_ = source_.logits(begin, rows); }
  ReferenceScore score(int64_t row, std::span<const float> logits, const LogitSummary& summary,
                       int32_t next) const override {
    return score_against({logits_ + row * vocab_size(), logits.size()}, logits, summary, next);
  }

 private:
  LogitSource& source_;
  const float* logits_ = nullptr;  // [rows, vocab_size]
};

}  // namespace fptq
