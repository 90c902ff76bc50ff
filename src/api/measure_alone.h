// Speed and memory of one model, measured in a child process of its own, so that nothing else counts.
#pragma once

#include <cstdint>
#include <string>

namespace fptq {

struct AloneOptions {
  std::string text;  // its first tokens are the prefill measured
  std::string prompt;
  int64_t prefill_tokens = 512;
  int64_t max_new_tokens = 48;
  int threads = 0;
};

struct AloneResult {
  double load_seconds = 0;
  double prefill_tokens_per_second = 0;
  double decode_tokens_per_second = 0;
  uint64_t peak_rss_bytes = 0;
  std::string sample;  // greedy answer, in the model's chat format where it has a known one
};

// Forks; the calling process should have no other threads running. Errors of the child are thrown here.
AloneResult measure_alone(const std::string& model, const AloneOptions& options);

}  // namespace fptq
