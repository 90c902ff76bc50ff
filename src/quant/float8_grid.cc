#include "quant/float8_grid.h"

#include "base/float8.h"
#include "quant/grid.h"

namespace fptq {

float fit_float8(float reach, CodeType type, DType scale_dtype) {
  const float top = type == CodeType::kFloat8E4M3 ? kE4M3Max : kE5M2Max;
  return reach == 0.0f ? kEmptyScale : stored_scale(reach / top, scale_dtype);
}

void round_float8(std::span<const float> w, float scale, CodeType type, uint8_t* codes) {
  if (type == CodeType::kFloat8E4M3) {
    for (size_t i = 0; i < w.size(); ++i) codes[i] = float_to_e4m3(w[i] / scale);
  } else {
    for (size_t i = 0; i < w.size(); ++i) codes[i] = float_to_e5m2(w[i] / scale);
  }
}

}  // namespace fptq
