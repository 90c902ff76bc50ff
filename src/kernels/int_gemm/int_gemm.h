// y[m, n] = bias[n] + act_scale[m] * sum_g weight_scale[n, g] * dot[m, n, g]
// dot[m, n, g] = sum_{k in g} (a[m, k] - act_zero[m]) * (w[n, k] - w_zero[n, g])
//
// INT8 activations times INT4 or INT8 weights. The dot is exact in int32; the outer sum runs over g in
// ascending order as acc = fma(float(dot), weight_scale, acc), starting from 0; then y = acc * act_scale,
// then y + bias where there is one. Every ISA therefore gives the same bits, whatever m and n are cut into.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "kernels/int_gemm/int_activations.h"
#include "kernels/isa.h"
#include "tensor/linear_weights.h"

namespace fptq::kernels {

// One linear layer's codes in the layout of one ISA's kernel. Thread-safe to read.
class PackedInt {
 public:
  virtual ~PackedInt() = default;
  virtual int64_t rows() const = 0;  // n
  virtual int64_t cols() const = 0;  // k
  // How activations must lie for this layer. Layers with equal layouts share one IntActivations.
  virtual const IntInputLayout& input() const = 0;
  // The packed bytes: what packed_from_image() takes back. Empty where they are not this object's.
  virtual std::span<const std::byte> image() const = 0;
  // Bytes held in memory of this object's own.
  virtual size_t resident_bytes() const = 0;
};

// What a packed layer looks like without its bytes; with an ISA it determines their layout and number.
struct PackedIntShape {
  int64_t rows = 0;
  int64_t cols = 0;
  WeightSpec spec;
  DType scale_type = DType::kF32;  // F32, F16 or BF16
  bool bias = false;
  bool activation_zeros = false;  // the input has zero points
};

PackedIntShape packed_shape(const LinearWeights& weights);

// Of the images' layout, on every ISA. Files keep images: whoever changes what pack() writes raises this.
constexpr int kIntImageVersion = 1;

struct IntGemmCall {
  // Output columns to compute: n_begin is a multiple of kIntGemmColumns, n_end also or all columns.
  int64_t n_begin = 0, n_end = 0;
  float* y = nullptr;  // [m, ldy]; columns n_begin..n_end of each row are written
  int64_t ldy = 0;
};

// Callers cut n at multiples of this many columns.
constexpr int64_t kIntGemmColumns = 64;

struct IntGemm {
  // `weights` is validated, quantized (4 or 8 bits), any group size; only its codes, scales, zero points and
  // bias are read. Throws Error(kBadModel) when a group is so long that its dot may leave int32 (32768 inputs
  // of asymmetric 8-bit weights; nothing else of a usual size).
  std::unique_ptr<PackedInt> (*pack)(const LinearWeights& weights);
  // Bytes of such a layer's image: a multiple of 64.
  size_t (*image_bytes)(const PackedIntShape& shape);
  // A layer whose image lies elsewhere (a mapped file), 64-byte aligned, of image_bytes(shape) bytes; the
  // caller keeps it alive. Any bytes are safe to run on, not only those that pack() made.
  std::unique_ptr<PackedInt> (*packed_from_image)(const PackedIntShape& shape, const std::byte* image);
  // Thread-safe; keeps room for one call per thread. `weights` comes from the same ISA, `a` has its layout.
  void (*run)(const PackedInt& weights, const IntActivations& a, const IntGemmCall& call);
};

const IntGemm& int_gemm(Isa isa);

}  // namespace fptq::kernels
