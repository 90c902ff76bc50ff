// Dense matrices times few tokens on every ISA of this machine, one thread: the output head of a decode step.
// The matrix comes from memory.
#include <fmt/format.h>

#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/dense_gemv/dense_gemv.h"
#include "limits.h"
#include "tensor/dtype.h"

namespace fptq::kernels {
namespace {

void product(benchmark::State& state, Isa isa, DType dtype, int64_t m) {
  constexpr int64_t k = 2048;
  const auto row_bytes = static_cast<int64_t>(dtype_info(dtype).block_bytes) * k;
  const int64_t rows = kBeyondCaches / row_bytes;
  const std::vector<float> one_row(static_cast<size_t>(k), 0.01f);
  AlignedBuffer<std::byte> w(static_cast<size_t>(rows * row_bytes));
  for (int64_t r = 0; r < rows; ++r) encode_row(dtype, one_row.data(), w.data() + r * row_bytes, k);
  const std::vector<float> x(static_cast<size_t>(m * k), 1.0f);
  std::vector<float> y(static_cast<size_t>(m * rows));
  const DenseGemv gemv = dense_gemv(isa, dtype);
  for (auto _ : state) {
    gemv(w.data(), k, 0, rows, x.data(), m, y.data(), rows);
    benchmark::ClobberMemory();
  }
  report_bytes(state, isa, static_cast<double>(rows * row_bytes));
  report_flops(state, isa, 2.0 * static_cast<double>(m * k * rows));
}

void register_all() {
  for (const Isa isa : supported_isas()) {
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      for (const int64_t m : {1, 8}) {
        const std::string name = fmt::format("{}/{}/m{}", isa_name(isa), dtype_info(dtype).name, m);
        benchmark::RegisterBenchmark(name.c_str(), product, isa, dtype, m)
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
      }
    }
  }
}

}  // namespace
}  // namespace fptq::kernels

int main(int argc, char** argv) {
  fptq::kernels::register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
