// Shapes of published models of the Llama family, as their config.json states them.
#pragma once

#include <span>

#include "base/json.h"
#include "model/config.h"

namespace fptq {

struct SynthShape {
  const char* name;
  int64_t hidden, intermediate, layers, heads, kv_heads, head_dim, vocab, max_position;
  double rope_theta, rms_norm_eps;
  bool llama3_scaling;  // rotary scaling of Llama 3.2: factor 32 over 8192 positions
  bool tied_embeddings;
};

std::span<const SynthShape> synth_shapes();
// Throws Error(kUsage) naming those there are.
const SynthShape& find_synth_shape(const std::string& name);

// The config.json of a dense BF16 model of that shape with `layers` layers.
Json synth_config(const SynthShape& shape, int64_t layers);

}  // namespace fptq
