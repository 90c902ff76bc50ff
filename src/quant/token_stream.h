// Windows of tokens on their way through the model, one block at a time: calibration data, and the probe.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "backend/backend.h"
#include "base/aligned_buffer.h"
#include "model/forward.h"

namespace fptq {

// Keeps no hidden states itself: they are the caller's to save and restore. Windows run in batches that
// depend on their lengths alone, so that scratch memory stays small and results are the same from run to run.
// Not thread-safe.
class TokenStream {
 public:
  // Refers to all its arguments. `name` says in messages whose windows they are. Throws Error(kUsage, name)
  // on an empty window and on ids outside the vocabulary.
  TokenStream(Backend& backend, const ModelConfig& config, const std::vector<std::vector<int32_t>>& windows,
              const char* name);

  int64_t tokens() const { return tokens_; }
  // Values of the hidden states of all tokens.
  size_t hidden_values() const { return static_cast<size_t>(tokens_ * config_.hidden_size); }
  // Tokens of each window, in order.
  std::vector<int64_t> window_tokens() const;
  int64_t batches() const { return static_cast<int64_t>(batches_.size()); }

  // States that enter block 0: the embeddings of all tokens, [tokens, hidden_size].
  AlignedBuffer<float> embed(const LinearWeights& table) const;
  // All windows pass through `block` in place; `tap` may be null; `after_batch` hears of each finished batch.
  // Key-value caches live only as long as their batch.
  void run(const Block& block, int64_t layer, KvType kv, float* hidden, Tap* tap,
           const std::function<void()>& after_batch);
  // For the taps' sake, batch by batch: `original` passes in place and shows itself to `originals`, then
  // `hidden`, which stays as it is, to `tap`.
  void run_and_look(const Block& block, int64_t layer, float* original, Tap& originals, const float* hidden,
                    Tap& tap, const std::function<void()>& after_batch);
  // The same as run() for the tap's sake alone: `hidden` stays as it is.
  void look(const Block& block, int64_t layer, const float* hidden, Tap& tap,
            const std::function<void()>& after_batch);

 private:
  struct Batch {
    size_t first_window = 0;
    size_t windows = 0;
    int64_t first_token = 0;
    int64_t tokens = 0;
  };

  void look_at(const Batch& batch, const Block& block, int64_t layer, const float* hidden, Tap& tap);
  void pass(const Batch& batch, const Block& block, int64_t layer, KvType kv, float* hidden, Tap* tap);

  Backend& backend_;
  const ModelConfig& config_;
  const std::vector<std::vector<int32_t>>& windows_;
  std::vector<Batch> batches_;
  int64_t tokens_ = 0;
  RopeTable rope_;
  Scratch scratch_;
  AlignedBuffer<float> looked_at_;
};

}  // namespace fptq
