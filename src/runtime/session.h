// One conversation with a model: a KV cache, a sampler and the rules for stopping.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/forward.h"
#include "runtime/sampler.h"
#include "tokenizer/tokenizer.h"

namespace fptq {

struct SessionOptions {
  SamplingOptions sampling;
  int64_t max_new_tokens = 128;
  std::vector<std::string> stop;  // the answer ends before any of these
  bool ignore_eos = false;
  KvType kv = KvType::kFloat;
};

struct SessionResult {
  std::vector<int32_t> ids;  // of the answer, without the end token
  std::string text;
  bool stopped = false;  // by an end token, a stop text or the callback; false: max_new_tokens was reached
  double prefill_seconds = 0;
  double decode_seconds = 0;
};

// Not thread-safe; uses the model alone while run() lasts.
class Session {
 public:
  Session(Model& model, std::shared_ptr<const Tokenizer> tokenizer, const SessionOptions& options);
  // Continues `prompt`. `on_text`, if given, receives whole code points as they become certain (text that may
  // be the beginning of a stop text is held back); returning false ends the answer. Prompt and answer must
  // fit the model's maximum position: a longer prompt throws Error(kUsage), the answer ends there.
  SessionResult run(std::span<const int32_t> prompt,
                    const std::function<bool(const std::string&)>& on_text = {});

 private:
  Model& model_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  SessionOptions options_;
};

}  // namespace fptq
