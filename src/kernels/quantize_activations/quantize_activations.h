// Floats to INT8 codes, the online half of quantization (the arithmetic of compressed-tensors, verified in
// shared/docs/formats-verified.md section 5): true division, clamp to -128..127, round half to even.
//   static, per tensor:   q = round(clamp(x / scale + zero, -128, 127))
//   dynamic, per token:   scale = max|x| / 127.5 (2^-23 where that is 0), zero = 0
//   dynamic, asymmetric:  scale = (max(x, 0) - min(x, 0)) / 255 (2^-23 where that is 0),
//                         zero = round(clamp(-128 - min(x, 0) / scale, -128, 127))
// Every ISA gives the same bits for all finite inputs.
#pragma once

#include <cstdint>

namespace fptq::kernels {

enum class Isa;  // kernels/isa.h

struct QuantizeActivations {
  // x[n] -> q[n]
  void (*static_tensor)(const float* x, int64_t n, float scale, int32_t zero_point, int8_t* q);
  // One token x[n] -> q[n], *scale, (*zero_point for the asymmetric form).
  void (*token)(const float* x, int64_t n, int8_t* q, float* scale);
  void (*token_asymmetric)(const float* x, int64_t n, int8_t* q, float* scale, int32_t* zero_point);
};

const QuantizeActivations& quantize_activations(Isa isa);

}  // namespace fptq::kernels
