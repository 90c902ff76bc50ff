// Generating text.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fptq {

struct GenerateOptions {
  int64_t max_new_tokens = 128;
  double temperature = 0.0;         // 0: greedy
  int64_t top_k = 0;                // 0: off
  double top_p = 1.0;               // 1: off
  double min_p = 0.0;               // 0: off
  double repetition_penalty = 1.0;  // 1: off
  uint64_t seed = 0;
  std::vector<std::string> stop;  // generation ends before any of these
  bool ignore_eos = false;
  bool chat = false;        // wrap the prompt in the model's chat format
  std::string system;       // system message, with chat
  std::string kv = "auto";  // auto, f32, f16, int8
  int threads = 0;
};

struct GenerateResult {
  std::string text;
  int64_t prompt_tokens = 0;
  int64_t new_tokens = 0;
  std::string finish_reason;  // "stop", "length"
  double load_seconds = 0;
  double prefill_seconds = 0;
  double decode_seconds = 0;
  uint64_t peak_rss_bytes = 0;
};

// `on_text`, if given, receives the text piece by piece, in whole code points; returning false stops.
GenerateResult generate(const std::string& model, const std::string& prompt, const GenerateOptions& options,
                        const std::function<bool(const std::string&)>& on_text = {});

}  // namespace fptq
