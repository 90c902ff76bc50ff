#include "model/shapes.h"

namespace fptq {

MatrixShape linear_shape(const ModelConfig& config, LinearId id) {
  switch (id) {
    case LinearId::kQ:
      return {config.q_size(), config.hidden_size};
    case LinearId::kK:
    case LinearId::kV:
      return {config.kv_size(), config.hidden_size};
    case LinearId::kO:
      return {config.hidden_size, config.q_size()};
    case LinearId::kGate:
    case LinearId::kUp:
      return {config.intermediate_size, config.hidden_size};
    case LinearId::kDown:
      return {config.hidden_size, config.intermediate_size};
  }
  return {};
}

}  // namespace fptq
