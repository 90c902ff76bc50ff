// Choosing the next token from logits.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace fptq {

struct SamplingOptions {
  double temperature = 0.0;  // 0: greedy, everything below but the penalty is ignored
  int64_t top_k = 0;         // keep the k most likely; 0: all
  double top_p = 1.0;        // keep the smallest set with this probability
  double min_p = 0.0;        // keep those at least this fraction as likely as the best
  double repetition_penalty =
      1.0;  // > 1: logits of tokens already seen are divided (positive) or multiplied (negative)
  uint64_t seed = 0;

  // Throws Error(kUsage) naming the option that makes no sense.
  void validate() const;
};

// Deterministic for a seed, on every platform: the generator is std::mt19937_64 and the draw is our own
// arithmetic. Filters apply in the order of Hugging Face: penalty, temperature, top-k, top-p, min-p.
class Sampler {
 public:
  explicit Sampler(const SamplingOptions& options);
  // `seen`: the tokens of prompt and answer so far. Ties go to the lowest id. Modifies `logits`.
  int32_t sample(std::span<float> logits, std::span<const int32_t> seen);

 private:
  SamplingOptions options_;
  std::mt19937_64 random_;
  struct Candidate {
    double p;
    int32_t id;
  };
  std::vector<Candidate> candidates_;
};

}  // namespace fptq
