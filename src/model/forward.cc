#include "model/forward.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "fptq/error.h"

namespace fptq {
namespace {

AttentionShape attention_shape(const ModelConfig& config, int64_t layer) {
  return {config.num_heads, config.num_kv_heads, config.head_dim, config.window(layer)};
}

// Rotary angles of every token of the batch, in its order, into scratch.cos and scratch.sin [tokens, head_dim
// / 2].
void gather_angles(RopeTable& rope, std::span<const AttentionSequence> sequences, int64_t tokens,
                   Scratch& scratch) {
  const int64_t half = rope.half();
  scratch.cos.ensure(static_cast<size_t>(tokens * half));
  scratch.sin.ensure(static_cast<size_t>(tokens * half));
  for (const AttentionSequence& s : sequences) {
    const int64_t past = s.kv->length();
    rope.prepare(past + s.count);
    const auto bytes = static_cast<size_t>(s.count * half) * sizeof(float);
    std::memcpy(scratch.cos.data() + s.begin * half, rope.cos(past), bytes);
    std::memcpy(scratch.sin.data() + s.begin * half, rope.sin(past), bytes);
  }
}

}  // namespace

Block load_block(Backend& backend, const WeightSource& source, int64_t layer, const PackedLinears& packed) {
  Block block;
  std::vector<LinearId> to_pack;
  for (const LinearId id : kAllLinears) {
    const auto found = packed.find(module_name(layer, id));
    if (found == packed.end()) {
      to_pack.push_back(id);
    } else {
      block.linears[static_cast<size_t>(id)] = backend.load_packed(found->second);
    }
  }
  backend.pool().parallel_for(std::ssize(to_pack), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const LinearId id = to_pack[static_cast<size_t>(i)];
      block.linears[static_cast<size_t>(id)] = backend.load_linear(source.linear(layer, id));
    }
  });
  block.attention_norm = source.norm(layer, NormId::kAttention).to_floats();
  block.mlp_norm = source.norm(layer, NormId::kMlp).to_floats();
  return block;
}

void forward_block(Backend& backend, const ModelConfig& config, RopeTable& rope, const Block& block,
                   int64_t layer, std::span<const AttentionSequence> sequences, float* hidden, int64_t tokens,
                   Scratch& s, Tap* tap) {
  const int64_t width = config.hidden_size, q_size = config.q_size(), kv_size = config.kv_size(),
                ffn = config.intermediate_size;
  const auto room = [tokens](AlignedBuffer<float>& buffer, int64_t columns) {
    buffer.ensure(static_cast<size_t>(tokens * columns));
    return buffer.data();
  };
  const auto observe = [&](InputId input, const float* x, int64_t columns) {
    if (tap != nullptr) tap->on_linear_input(layer, input, x, tokens, columns);
  };
  const auto run = [&](std::initializer_list<LinearId> ids, const float* x, std::initializer_list<float*> y) {
    std::array<const LoadedLinear*, 3> layers{};
    std::transform(ids.begin(), ids.end(), layers.begin(), [&](LinearId id) { return &block.linear(id); });
    backend.linear(std::span(layers.data(), ids.size()), x, tokens,
                   std::span<float* const>(y.begin(), y.size()));
  };

  float* normed = room(s.normed, width);
  float* q = room(s.q, q_size);
  float* k = room(s.k, kv_size);
  float* v = room(s.v, kv_size);
  float* attended = room(s.attended, q_size);
  float* projected = room(s.projected, width);
  float* gate = room(s.gate, ffn);
  float* up = room(s.up, ffn);

  backend.rms_norm(hidden, block.attention_norm, config.rms_norm_eps, tokens, normed);
  observe(InputId::kAttention, normed, width);
  run({LinearId::kQ, LinearId::kK, LinearId::kV}, normed, {q, k, v});
  gather_angles(rope, sequences, tokens, s);
  backend.rope(q, tokens, config.num_heads, config.head_dim, s.cos.data(), s.sin.data());
  backend.rope(k, tokens, config.num_kv_heads, config.head_dim, s.cos.data(), s.sin.data());
  backend.attention(attention_shape(config, layer), sequences, q, k, v, attended);
  observe(InputId::kO, attended, q_size);
  run({LinearId::kO}, attended, {projected});
  backend.add(projected, tokens * width, hidden);

  backend.rms_norm(hidden, block.mlp_norm, config.rms_norm_eps, tokens, normed);
  observe(InputId::kMlp, normed, width);
  run({LinearId::kGate, LinearId::kUp}, normed, {gate, up});
  backend.silu_mul(gate, up, tokens * ffn, gate);
  observe(InputId::kDown, gate, ffn);
  run({LinearId::kDown}, gate, {projected});
  backend.add(projected, tokens * width, hidden);
}

KvCache::KvCache(Backend& backend, const ModelConfig& config, KvType type) {
  for (int64_t i = 0; i < config.num_layers; ++i)
    layers_.push_back(backend.make_kv(attention_shape(config, i), type));
}

void KvCache::truncate(int64_t length) {
  for (auto& layer : layers_) layer->truncate(length);
}

void KvCache::copy_from(const KvCache& other) {
  for (size_t i = 0; i < layers_.size(); ++i) layers_[i]->copy_from(*other.layers_[i]);
}

size_t KvCache::bytes() const {
  size_t n = 0;
  for (const auto& layer : layers_) n += layer->bytes();
  return n;
}

Model::Model(Backend& backend, const WeightSource& source, const PackedLinears& packed)
    : backend_(backend), config_(source.config()), rope_(config_), embedding_(source.token_table()) {
  for (int64_t i = 0; i < config_.num_layers; ++i) blocks_.push_back(load_block(backend, source, i, packed));
  final_norm_ = source.final_norm().to_floats();
  const auto head = packed.find(kHeadModule);
  head_ = head == packed.end() ? backend.load_linear(source.head()) : backend.load_packed(head->second);
}

size_t Model::resident_bytes() const {
  size_t n = head_->resident_bytes();
  for (const Block& block : blocks_) {
    for (const auto& linear : block.linears) n += linear->resident_bytes();
  }
  return n;
}

void Model::forward(std::span<const SequenceInput> batch, Tap* tap) {
  std::vector<int32_t> ids;
  std::vector<AttentionSequence> sequences;
  for (const SequenceInput& input : batch) {
    sequences.push_back({static_cast<int64_t>(ids.size()), static_cast<int64_t>(input.ids.size()), nullptr});
    for (const int32_t id : input.ids) {
      if (id < 0 || id >= config_.vocab_size) {
        throw Error(ErrorKind::kUsage, "token ids",
                    fmt::format("id {} is outside the vocabulary of {}", id, config_.vocab_size));
      }
      ids.push_back(id);
    }
  }
  const auto tokens = static_cast<int64_t>(ids.size());
  hidden_.ensure(static_cast<size_t>(tokens * config_.hidden_size));
  backend_.embed(embedding_, ids, hidden_.data());
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    for (size_t i = 0; i < batch.size(); ++i) sequences[i].kv = &batch[i].cache->layer(layer);
    forward_block(backend_, config_, rope_, blocks_[static_cast<size_t>(layer)], layer, sequences,
                  hidden_.data(), tokens, scratch_, tap);
  }
  backend_.rms_norm(hidden_.data(), final_norm_, config_.rms_norm_eps, tokens, hidden_.data());
}

void Model::logits(const float* hidden, int64_t rows, float* out) {
  const LoadedLinear* head = head_.get();
  backend_.linear(std::span(&head, 1), hidden, rows, std::span<float* const>(&out, 1));
}

}  // namespace fptq
