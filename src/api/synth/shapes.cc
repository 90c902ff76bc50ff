#include "api/synth/shapes.h"

#include <fmt/format.h>

#include "api/synth/tokenizer.h"
#include "fptq/error.h"

namespace fptq {
namespace {

// clang-format off
constexpr SynthShape kShapes[] = {
    // name            hidden   mlp layers heads kv dim   vocab positions   theta   eps  scaled   tied
    {"smollm2-135m",      576,  1536,   30,    9, 3,  64,  49152,   8192, 100000, 1e-5, false,  true},
    {"tinyllama-1.1b",   2048,  5632,   22,   32, 4,  64,  32000,   2048,  10000, 1e-5, false, false},
    {"llama-3.2-1b",     2048,  8192,   16,   32, 8,  64, 128256, 131072, 500000, 1e-5,  true,  true},
    {"llama-3-8b",       4096, 14336,   32,   32, 8, 128, 128256,   8192, 500000, 1e-5, false, false},
};
// clang-format on

}  // namespace

std::span<const SynthShape> synth_shapes() {
  return kShapes;
}

const SynthShape& find_synth_shape(const std::string& name) {
  std::string known;
  for (const SynthShape& shape : kShapes) {
    if (name == shape.name) return shape;
    known += (known.empty() ? "" : ", ") + std::string(shape.name);
  }
  throw Error(ErrorKind::kUsage, "--shape", fmt::format("'{}' is unknown", name), "use one of: " + known);
}

Json synth_config(const SynthShape& shape, int64_t layers) {
  Json scaling;
  if (shape.llama3_scaling) {
    scaling = {{"rope_type", "llama3"},
               {"factor", 32.0},
               {"low_freq_factor", 1.0},
               {"high_freq_factor", 4.0},
               {"original_max_position_embeddings", 8192}};
  }
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_size", shape.hidden},
          {"intermediate_size", shape.intermediate},
          {"num_hidden_layers", layers},
          {"num_attention_heads", shape.heads},
          {"num_key_value_heads", shape.kv_heads},
          {"head_dim", shape.head_dim},
          {"vocab_size", shape.vocab},
          {"max_position_embeddings", shape.max_position},
          {"rope_theta", shape.rope_theta},
          {"rope_scaling", std::move(scaling)},
          {"rms_norm_eps", shape.rms_norm_eps},
          {"hidden_act", "silu"},
          {"attention_bias", false},
          {"mlp_bias", false},
          {"tie_word_embeddings", shape.tied_embeddings},
          {"bos_token_id", kSynthBos},
          {"eos_token_id", kSynthEos},
          {"torch_dtype", "bfloat16"}};
}

}  // namespace fptq
