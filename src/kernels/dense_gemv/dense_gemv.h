// y[r] = sum_k W[r, k] * x[k] for a dense matrix kept in its storage type (F32, F16, BF16): the decode step
// of an unquantized layer, bound by memory, so that nothing is expanded beforehand. Sums run in 16 float
// lanes (element k adds to lane k mod 16), then lanes add pairwise: the same bits on every ISA.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fptq {
enum class DType : uint8_t;  // tensor/dtype.h
}

namespace fptq::kernels {

enum class Isa;  // kernels/isa.h

// Rows [row_begin, row_end) of w [*, k]; x [m, k] and y [m, ldy], m small (1..16): w is read once for all of
// them.
using DenseGemv = void (*)(const std::byte* w, int64_t k, int64_t row_begin, int64_t row_end, const float* x,
                           int64_t m, float* y, int64_t ldy);

// Null for types that have no kernel (block types).
DenseGemv dense_gemv(Isa isa, DType dtype);
// Expands n elements of F16 or BF16 to float, fast.
using ExpandRow = void (*)(const std::byte* src, float* dst, int64_t n);
ExpandRow expand_row(Isa isa, DType dtype);

}  // namespace fptq::kernels
