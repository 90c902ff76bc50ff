// Architecture facts of a decoder block, stated once: its linear layers in the order of computation, which of
// them share an input, and which producer can absorb a per-channel scale of that input.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace fptq {

enum class LinearId : uint8_t { kQ, kK, kV, kO, kGate, kUp, kDown };
inline constexpr std::array kAllLinears = {LinearId::kQ,    LinearId::kK,  LinearId::kV,   LinearId::kO,
                                           LinearId::kGate, LinearId::kUp, LinearId::kDown};

// The inputs of linear layers in a block.
enum class InputId : uint8_t { kAttention, kO, kMlp, kDown };
inline constexpr std::array kAllInputs = {InputId::kAttention, InputId::kO, InputId::kMlp, InputId::kDown};

enum class NormId : uint8_t { kAttention, kMlp };

// What a scale on an input can be folded into.
enum class Producer : uint8_t {
  kAttentionNorm,  // input_layernorm
  kMlpNorm,        // post_attention_layernorm
  kVProj,          // v_proj's rows, shared by the query heads of a kv head
  kUpProj,         // up_proj's rows
};

struct InputFacts {
  InputId id;
  const char* name;                     // "q/k/v input"
  std::span<const LinearId> consumers;  // all linear layers that read it
  Producer producer;
  bool producer_is_norm;  // an exact fold that changes no other layer's weights
};

// Facts of one input of a block with SwiGLU and two pre-norms (Llama, Mistral, Qwen2).
const InputFacts& input_facts(InputId id);
InputId input_of(LinearId id);

// "q_proj", "self_attn.q_proj", "model.layers.3.self_attn.q_proj" (without ".weight")
const char* short_name(LinearId id);
std::string module_name(int64_t layer, LinearId id);
// The output head and the embedding, which are no part of a block.
inline constexpr const char* kHeadModule = "lm_head";
inline constexpr const char* kEmbeddingModule = "model.embed_tokens";
// "model.layers.3.input_layernorm"
std::string norm_module_name(int64_t layer, NormId id);

}  // namespace fptq
