// The integer product on every ISA of this machine, one thread: TOPS (2 m n k operations) for prefill and
// GB/s of packed weights for decode, to be held against shared/probes/limits.cpp.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <vector>

#include "kernels/int_gemm/int_gemm.h"

namespace fptq::kernels {
namespace {

struct Shape {
  int64_t m, k, n;
  int bits;
  int64_t group_size;
};

// Layers of one decode step: together larger than any cache.
constexpr int64_t kDecodeBytes = int64_t{768} << 20;

LinearWeights random_layer(const Shape& s) {
  std::mt19937 random(1);
  LinearWeights w;
  w.rows = s.n;
  w.cols = s.k;
  w.spec = {s.bits, s.group_size, true};
  const int64_t row_bytes = s.bits == 4 ? packed_row_bytes(s.k) : s.k;
  std::byte* bytes = nullptr;
  w.codes = Tensor::allocate(s.bits == 4 ? DType::kU8 : DType::kI8, {s.n, row_bytes}, &bytes);
  std::generate(bytes, bytes + s.n * row_bytes, [&] { return static_cast<std::byte>(random()); });
  w.scales = Tensor::from_floats({s.n, w.groups()},
                                 std::vector<float>(static_cast<size_t>(s.n * w.groups()), 0.01f));
  return w;
}

void int_gemm_product(benchmark::State& state, Isa isa, Shape s) {
  const LinearWeights layer = random_layer(s);
  std::vector<std::unique_ptr<PackedInt>> packed;
  int64_t bytes = 0;
  do {
    packed.push_back(int_gemm(isa).pack(layer));
    bytes += static_cast<int64_t>(packed.back()->image().size());
  } while (s.m == 1 && bytes < kDecodeBytes);
  std::mt19937 random(2);
  std::vector<int8_t> a(static_cast<size_t>(s.m * s.k));
  std::generate(a.begin(), a.end(), [&] { return static_cast<int8_t>(random()); });
  IntActivations input;
  input.reshape(packed.front()->input(), s.m, false);
  for (int64_t tile = 0; tile < input.tiles(); ++tile)
    input.fill(tile, a.data() + tile * input.height() * s.k);
  std::fill_n(input.scales(), s.m, 0.02f);
  std::vector<float> y(static_cast<size_t>(s.m * s.n));
  for (auto _ : state) {
    for (const auto& p : packed) {
      // As the backend cuts the work.
      for (int64_t n = 0; n < s.n; n += kIntGemmColumns) {
        int_gemm(isa).run(*p, input, {n, std::min(n + kIntGemmColumns, s.n), y.data(), s.n});
      }
    }
    benchmark::ClobberMemory();
  }
  const double products = static_cast<double>(packed.size()) * static_cast<double>(state.iterations());
  const double codes = static_cast<double>(s.n * s.k * s.bits / 8);
  state.counters["TOPS"] = benchmark::Counter(2e-12 * static_cast<double>(s.m * s.n * s.k) * products,
                                              benchmark::Counter::kIsRate);
  state.counters["code_GBps"] = benchmark::Counter(1e-9 * codes * products, benchmark::Counter::kIsRate);
}

// m, k, n: a Llama-3.2-1B and a SmolLM2-135M feed-forward, and a large matrix for decode.
constexpr Shape kShapes[] = {
    {512, 2048, 8192, 4, 128}, {512, 576, 1536, 4, 64}, {512, 2048, 8192, 4, 32}, {512, 2048, 8192, 8, 0},
    {1, 8192, 8192, 4, 128},   {1, 8192, 8192, 8, 0},   {8, 2048, 8192, 4, 128},
};

void register_all() {
  for (const Isa isa : supported_isas()) {
    for (const Shape& s : kShapes) {
      if (isa == Isa::kPortable && s.m > 8) continue;
      const std::string name =
          fmt::format("{}/m{}k{}n{}/{}bit/g{}", isa_name(isa), s.m, s.k, s.n, s.bits, s.group_size);
      benchmark::RegisterBenchmark(name.c_str(), int_gemm_product, isa, s)->Unit(benchmark::kMillisecond);
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
