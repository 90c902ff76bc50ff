// Which linear layers of a block have a bias.
#pragma once

#include "model/config.h"
#include "model/layout.h"

namespace fptq {

inline bool has_bias(const ModelConfig& config, LinearId id) {
  switch (id) {
    case LinearId::kQ:
    case LinearId::kK:
    case LinearId::kV:
      return config.qkv_bias;
    case LinearId::kO:
      return config.o_bias;
    case LinearId::kGate:
    case LinearId::kUp:
    case LinearId::kDown:
      return config.mlp_bias;
  }
  return false;
}

}  // namespace fptq
