// y[m, n] = bias[n] + act_scale[m] * sum_g weight_scale[n, g] * dot[m, n, g]
// dot[m, n, g] = sum_{k in g} (a[m, k] - act_zero[m]) * (w[n, k] - w_zero[n, g])
//
// INT8 activations times INT4 or INT8 weights. The dot is exact in int32; the outer sum runs over g in
// ascending order as acc = fma(float(dot), weight_scale, acc), starting from 0; then y = acc * act_scale,
// then y + bias where there is one. Every ISA therefore gives the same bits, whatever m and n are cut into.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/isa.h"
#include "tensor/linear_weights.h"

namespace fptq::kernels {

// One linear layer's codes in the layout of one ISA's kernel; opaque. Thread-safe to read.
class PackedInt {
 public:
  virtual ~PackedInt() = default;
  virtual int64_t rows() const = 0;  // n
  virtual int64_t cols() const = 0;  // k
  // Bytes of packed codes, scales and sums.
  virtual size_t bytes() const = 0;
};

struct IntGemmArgs {
  const int8_t* a = nullptr;          // [m, k] codes, row stride k
  const float* act_scale = nullptr;   // [m]
  const int32_t* act_zero = nullptr;  // [m], or null when all are 0
  int64_t m = 0;
  int64_t n_begin = 0, n_end = 0;  // output columns to compute; n_begin is a multiple of kIntGemmColumns
  float* y = nullptr;              // [m, ldy]; columns n_begin..n_end of each row are written
  int64_t ldy = 0;
};

// Callers cut n at multiples of this many columns.
constexpr int64_t kIntGemmColumns = 64;

struct IntGemm {
  // `weights` is validated, quantized (4 or 8 bits), any group size; only its codes, scales, zero points and
  // bias are read. Throws Error(kBadModel) when a group is so long that its dot may leave int32 (33025 inputs
  // of asymmetric 8-bit weights; nothing else of a usual size).
  std::unique_ptr<PackedInt> (*pack)(const LinearWeights& weights);
  // Thread-safe; keeps room for one call per thread. Each call adds up its activations per group once, so
  // that columns are better cut into few parts. `weights` comes from pack() of the same ISA.
  void (*run)(const PackedInt& weights, const IntGemmArgs& args);
};

const IntGemm& int_gemm(Isa isa);

}  // namespace fptq::kernels
