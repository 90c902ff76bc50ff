#include "linalg/bgemm.h"

#include <fmt/format.h>

#include <dnnl.hpp>

#include "base/aligned_buffer.h"
#include "base/each_isa.h"
#include "base/half.h"
#include "fptq/error.h"
#include "linalg/one_openmp_thread.h"
#include "linalg/tiles.h"

namespace fptq {
namespace {

using dnnl::memory;

// Of C, a side: the factors' parts lie in the second-level cache.
constexpr int64_t kTile = 512;
constexpr int64_t kRowsAtATime = 16;

FPTQ_EACH_ISA void to_bfloat16(const float* x, int64_t n, uint16_t* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = float_to_bf16(x[i]);
}

// A factor in bfloat16, as it lies, without gaps between its rows.
struct Rounded {
  const uint16_t* data;
  int64_t ld;
  bool transposed;

  const uint16_t* from(int64_t row, int64_t col) const {
    return data + (transposed ? col * ld + row : row * ld + col);
  }
  memory::desc shape(int64_t rows, int64_t cols) const {
    return {{rows, cols}, memory::data_type::bf16, transposed ? memory::dims{1, ld} : memory::dims{ld, 1}};
  }
};

Rounded rounded(ThreadPool& pool, const Factor& f, int64_t rows, int64_t cols,
                AlignedBuffer<uint16_t>& room) {
  const int64_t lines = f.transposed ? cols : rows, width = f.transposed ? rows : cols;
  room.ensure(static_cast<size_t>(lines * width));
  pool.parallel_for(lines, kRowsAtATime, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to_bfloat16(f.data + i * f.ld, width, room.data() + i * width);
  });
  return {room.data(), width, f.transposed};
}

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

// One tile on the calling thread. oneDNN keeps the code that it generates for a shape.
void multiply_tile(int64_t m, int64_t n, const memory::desc& a_shape, const uint16_t* a,
                   const memory::desc& b_shape, const uint16_t* b, float beta, float* c, int64_t ldc) {
  const OneOpenMpThread one_thread;
  const memory::desc c_shape({m, n}, memory::data_type::f32, memory::dims{ldc, 1});
  dnnl::primitive_attr attributes;
  if (beta != 0.0f) {
    dnnl::post_ops add;
    add.append_sum(1.0f);
    attributes.set_post_ops(add);
  }
  const dnnl::matmul multiply(
      dnnl::matmul::primitive_desc(dnnl::matmul::desc(a_shape, b_shape, c_shape), attributes, cpu()));
  dnnl::stream stream(cpu());
  // oneDNN takes factors as void*, and reads them only.
  const auto wrap = [](const memory::desc& shape, const void* data) {
    return memory(shape, cpu(), const_cast<void*>(data));
  };
  multiply.execute(stream, {{DNNL_ARG_SRC, wrap(a_shape, a)},
                            {DNNL_ARG_WEIGHTS, wrap(b_shape, b)},
                            {DNNL_ARG_DST, wrap(c_shape, c)}});
  stream.wait();
}

}  // namespace

Precision fast_precision() {
  static const bool units = dnnl::get_effective_cpu_isa() == dnnl::cpu_isa::avx512_core_amx;
  return units ? Precision::kBFloat16 : Precision::kFloat;
}

void product(Precision precision, ThreadPool& pool, int64_t m, int64_t n, int64_t k, const Factor& a,
             const Factor& b, float beta, float* c, int64_t ldc) {
  if (precision == Precision::kFloat) return gemm(pool, m, n, k, 1.0f, a, b, beta, c, ldc);
  // Of the calling thread: learning multiplies the same shapes over and over.
  thread_local AlignedBuffer<uint16_t> left, right;
  const Rounded x = rounded(pool, a, m, k, left), y = rounded(pool, b, k, n, right);
  each_tile(pool, m, n, kTile, [&](int64_t row, int64_t col, int64_t rows, int64_t cols) {
    try {
      multiply_tile(rows, cols, x.shape(rows, k), x.from(row, 0), y.shape(k, cols), y.from(0, col), beta,
                    c + row * ldc + col, ldc);
    } catch (const dnnl::error& e) {
      throw Error(ErrorKind::kFailure, "linear algebra",
                  fmt::format("oneDNN refused a matrix product in bfloat16: {}", e.what()));
    }
  });
}

}  // namespace fptq
