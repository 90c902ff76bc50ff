// Perplexity of a model on a text, and its divergence from a reference model, under the harness of
// docs/accuracy.md: the text is tokenized at once without special tokens and cut into non-overlapping windows
// of `ctx` tokens that start cold. Perplexity scores all but the first token of a window; KL and top-1 cover
// all positions. With a stride windows overlap, and each scores and compares what the last one has not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fptq/progress.h"

namespace fptq {

struct EvalOptions {
  std::string text;        // path of a text file (UTF-8)
  int64_t ctx = 0;         // tokens of a window; 0: 2048, or the model's maximum where that is less
  int64_t stride = 0;      // tokens from one window to the next; 0: ctx
  int64_t max_tokens = 0;  // use only the first so many tokens; 0: all
  std::string reference;   // path of the model to compare with, or of its saved predictions; empty: none
  // Where to save the model's predictions, so that others can be compared with them without it; empty:
  // nowhere.
  std::string save_predictions;
  int64_t top_k = 100;      // likeliest tokens of a position that are saved, all others as one
  std::string kv = "auto";  // auto (as the checkpoint says), f32, f16, int8
  int threads = 0;
};

// How often KL came out how large, on a logarithmic scale: counts[0] positions below kLowest, counts[i] in
// kLowest * 10^((i - 1) / kPerDecade) .. kLowest * 10^(i / kPerDecade), the last one all above.
struct KlHistogram {
  static constexpr double kLowest = 1e-5;
  static constexpr int kPerDecade = 4;
  static constexpr int kBins = 1 + 6 * kPerDecade + 1;

  std::vector<int64_t> counts;  // kBins, or none where they are not known
};

struct Divergence {
  double mean = 0, median = 0, p95 = 0, p99 = 0, max = 0;  // KL(reference || model), nats
  double top1 = 0;                                         // share of positions with the same argmax
  KlHistogram histogram = {};
};

// How the probability of the text's own tokens changed: p(model) - p(reference), over scored tokens.
struct ProbabilityChange {
  double mean = 0, rms = 0;
  double min = 0, p1 = 0, p5 = 0, p25 = 0, median = 0, p75 = 0, p95 = 0, p99 = 0, max = 0;
};

struct EvalResult {
  std::string model, reference, text;
  int64_t ctx = 0;
  int64_t stride = 0;
  int64_t tokens = 0;  // in whole windows (a text shorter than ctx is one window)
  int64_t scored = 0;  // tokens with a prediction
  double perplexity = 0;
  double perplexity_stderr = 0;  // one standard error, from the spread of the tokens' log-likelihoods
  // What a word and a byte of the text would cost if its unscored tokens cost as much as the scored ones do;
  // words are what stands between white space. 0 when the text was not known.
  double word_perplexity = 0;
  double bits_per_byte = 0;
  double reference_perplexity = 0;
  double perplexity_ratio = 0;         // perplexity / reference_perplexity
  double perplexity_ratio_stderr = 0;  // from the spread of the tokens' differences
  // Of the reference's likeliest tokens, its others taken as one: kl is a lower bound. 0: of all.
  int64_t reference_top_k = 0;
  std::optional<Divergence> kl;
  std::optional<ProbabilityChange> probability_change;
  double seconds = 0;
  double tokens_per_second = 0;  // of the model alone
  uint64_t peak_rss_bytes = 0;
};

// Throws Error: kFailure when a model computes something that is not finite, kUsage when predictions were
// saved of another text or in other windows.
EvalResult evaluate(const std::string& model, const EvalOptions& options, Progress& progress = no_progress());

}  // namespace fptq
