// Shapes that follow from a configuration.
#pragma once

#include "model/config.h"
#include "model/layout.h"

namespace fptq {

struct MatrixShape {
  int64_t rows = 0;  // out_features
  int64_t cols = 0;  // in_features
};

MatrixShape linear_shape(const ModelConfig& config, LinearId id);

}  // namespace fptq
