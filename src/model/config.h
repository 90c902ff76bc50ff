// What a transformer is, as flat flags. Every family reads its config.json (or GGUF metadata) into this one
// struct; nothing above src/model asks for a family's name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace fptq {

enum class RopeScaling : uint8_t { kNone, kLinear, kLlama3, kYarn };

// Names and meaning as in Hugging Face's `rope_scaling`.
struct RopeConfig {
  double theta = 10000.0;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1.0;
  double low_freq_factor = 1.0;       // llama3
  double high_freq_factor = 4.0;      // llama3
  int64_t original_max_position = 0;  // llama3, yarn
  double beta_fast = 32.0;            // yarn
  double beta_slow = 1.0;             // yarn
  double attention_factor = 0.0;      // yarn; 0: derived from factor
  double mscale = 0.0;                // yarn (DeepSeek form); 0: absent
  double mscale_all_dim = 0.0;        // yarn
  bool truncate = true;               // yarn: round the correction range to whole dimensions
  std::vector<float>
      frequency_factors;  // GGUF of Llama 3.1: divide the inverse frequencies, head_dim / 2 of them
};

struct ModelConfig {
  std::string family;  // row of the family table: "llama", "mistral", "qwen2"
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_layers = 0;
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
  int64_t vocab_size = 0;  // rows of the embedding
  int64_t max_position = 0;
  float rms_norm_eps = 1e-6f;
  RopeConfig rope;
  int64_t sliding_window = 0;           // 0: full attention
  std::vector<bool> layer_is_windowed;  // empty: all layers, when sliding_window > 0
  bool qkv_bias = false;
  bool o_bias = false;
  bool mlp_bias = false;
  bool tied_embeddings = false;
  std::vector<int32_t> eos_ids;  // generation stops at any of them
  int32_t bos_id = -1;           // -1: none
  DType dtype = DType::kF32;     // of the stored dense tensors, for writing results

  int64_t q_size() const { return num_heads * head_dim; }
  int64_t kv_size() const { return num_kv_heads * head_dim; }
  int64_t window(int64_t layer) const {
    return layer_is_windowed.empty() || layer_is_windowed[static_cast<size_t>(layer)] ? sliding_window : 0;
  }

  // Every number is in range and they fit each other; throws Error(kBadModel, where:field).
  void validate(const std::string& where) const;
};

}  // namespace fptq
