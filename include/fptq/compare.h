// Two models side by side: what was gained and what was lost.
#pragma once

#include <string>

#include "fptq/eval.h"

namespace fptq {

struct ComparedModel {
  std::string path, format;
  uint64_t file_bytes = 0;
  uint64_t dense_bytes = 0;    // its parameters in 16 bits
  double bits_per_weight = 0;  // of the block's linear layers
  double perplexity = 0;
  double load_seconds = 0;
  double prefill_tokens_per_second = 0;
  double decode_tokens_per_second = 0;
  uint64_t peak_rss_bytes = 0;  // of a process that ran this model alone
  std::string sample;           // greedy answer to the prompt
};

struct CompareOptions {
  std::string text;  // evaluation text
  int64_t ctx = 0;   // 0: 1024, or the models' maximum where that is less
  int64_t max_tokens = 8192;
  std::string prompt = "What is the capital of France?";
  int64_t max_new_tokens = 48;
  int threads = 0;
};

struct CompareResult {
  ComparedModel original, quantized;
  Divergence kl;
  int64_t tokens = 0;
};

// KL(a || b): `a` is the original.
CompareResult compare(const std::string& a, const std::string& b, const CompareOptions& options,
                      Progress& progress = no_progress());

}  // namespace fptq
