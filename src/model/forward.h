// The one forward pass: prefill, decode, batches of sequences, calibration (one block at a time) and
// evaluation all go through forward_block().
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "base/aligned_buffer.h"
#include "model/config.h"
#include "model/layout.h"
#include "model/rope.h"
#include "model/tap.h"
#include "model/weight_source.h"

namespace fptq {

// A decoder block's weights as a backend holds them.
struct Block {
  std::array<std::unique_ptr<LoadedLinear>, kAllLinears.size()> linears;
  AlignedBuffer<float> attention_norm;
  AlignedBuffer<float> mlp_norm;

  const LoadedLinear& linear(LinearId id) const { return *linears[static_cast<size_t>(id)]; }
};

// Reads block `layer` of `source` and packs it, on all threads of the backend; layers that `packed` has are
// not read.
Block load_block(Backend& backend, const WeightSource& source, int64_t layer,
                 const PackedLinears& packed = {});

// Buffers of a forward pass, reused from call to call.
struct Scratch {
  AlignedBuffer<float> normed, q, k, v, attended, projected, gate, up, cos, sin;
};

// hidden [tokens, hidden_size] passes through the block in place. `sequences` partition the tokens; each
// one's kv is this layer's cache of that sequence and grows by its count. `tap` may be null.
void forward_block(Backend& backend, const ModelConfig& config, RopeTable& rope, const Block& block,
                   int64_t layer, std::span<const AttentionSequence> sequences, float* hidden, int64_t tokens,
                   Scratch& scratch, Tap* tap);

// The caches of one sequence, one per layer.
class KvCache {
 public:
  KvCache(Backend& backend, const ModelConfig& config, KvType type);
  LayerKv& layer(int64_t i) { return *layers_[static_cast<size_t>(i)]; }
  int64_t length() const { return layers_.front()->length(); }
  void truncate(int64_t length);
  // Becomes a copy of `other`, a cache of the same model and type.
  void copy_from(const KvCache& other);
  size_t bytes() const;

 private:
  std::vector<std::unique_ptr<LayerKv>> layers_;
};

// Tokens of one sequence in a batch.
struct SequenceInput {
  std::span<const int32_t> ids;
  KvCache* cache = nullptr;
};

// A whole model loaded on a backend. Not thread-safe (it owns scratch memory); several may share a backend if
// their calls do not overlap.
class Model {
 public:
  // Layers that `packed` has are looked at there, not read from `source`; their shapes are the
  // configuration's and their images outlive the model.
  Model(Backend& backend, const WeightSource& source, const PackedLinears& packed = {});

  const ModelConfig& config() const { return config_; }
  Backend& backend() const { return backend_; }
  size_t resident_bytes() const;

  // Runs the tokens of all sequences and leaves the final, normalized hidden states [sum of counts,
  // hidden_size] in hidden(). Ids outside the vocabulary throw Error(kUsage).
  void forward(std::span<const SequenceInput> batch, Tap* tap = nullptr);
  const float* hidden() const { return hidden_.data(); }
  // Logits [rows, vocab_size] of `rows` rows of normalized hidden states [rows, hidden_size].
  void logits(const float* hidden, int64_t rows, float* out);
  KvCache make_cache(KvType type = KvType::kFloat) { return KvCache(backend_, config_, type); }

 private:
  Backend& backend_;
  ModelConfig config_;
  RopeTable rope_;
  LinearWeights embedding_;
  std::vector<Block> blocks_;
  AlignedBuffer<float> final_norm_;
  std::unique_ptr<LoadedLinear> head_;
  AlignedBuffer<float> hidden_;
  Scratch scratch_;
};

}  // namespace fptq
