// The integer product on every ISA of this machine, one thread, cut as the backend cuts it: TOPS (2 m n k
// operations) and GB/s of packed weights (codes and scales), and their shares of the machine's limits.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <vector>

#include "kernels/int_gemm/int_gemm.h"
#include "limits.h"

namespace fptq::kernels {
namespace {

struct Shape {
  int64_t m, k, n;
  int bits;
  int64_t group_size;
  bool symmetric = true;
};

LinearWeights random_layer(const Shape& s) {
  std::mt19937 random(1);
  LinearWeights w;
  w.rows = s.n;
  w.cols = s.k;
  w.spec = {s.bits, s.group_size, s.symmetric};
  const int64_t row_bytes = s.bits == 4 ? packed_row_bytes(s.k) : s.k;
  std::byte* bytes = nullptr;
  w.codes = Tensor::allocate(s.bits == 4 ? DType::kU8 : DType::kI8, {s.n, row_bytes}, &bytes);
  std::generate(bytes, bytes + s.n * row_bytes, [&] { return static_cast<std::byte>(random()); });
  // As in a checkpoint: 16 bits.
  std::byte* scales = nullptr;
  w.scales = Tensor::allocate(DType::kBF16, {s.n, w.groups()}, &scales);
  const std::vector<float> row(static_cast<size_t>(w.groups()), 0.01f);
  for (int64_t r = 0; r < s.n; ++r)
    encode_row(DType::kBF16, row.data(), scales + 2 * r * w.groups(), w.groups());
  if (!s.symmetric) {
    w.zero_points = Tensor::allocate(DType::kI8, {s.n, w.groups()}, &bytes);
    std::generate(bytes, bytes + s.n * w.groups(), [&] { return static_cast<std::byte>(random() % 16 - 8); });
  }
  return w;
}

void int_gemm_product(benchmark::State& state, Isa isa, Shape s) {
  const LinearWeights layer = random_layer(s);
  std::vector<std::unique_ptr<PackedInt>> packed;
  int64_t bytes = 0;
  do {
    packed.push_back(int_gemm(isa).pack(layer));
    bytes += static_cast<int64_t>(packed.back()->image().size());
  } while (s.m <= 16 && bytes < kBeyondCaches);
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
  const auto products = static_cast<double>(packed.size());
  report_int8_operations(state, isa, 2 * products * static_cast<double>(s.m * s.n * s.k));
  report_bytes(state, isa, static_cast<double>(bytes));
}

// m, k, n: a Llama-3.2-1B and a SmolLM2-135M feed-forward, and a large matrix for decode.
constexpr Shape kShapes[] = {
    {512, 2048, 8192, 4, 128},       {512, 8192, 2048, 4, 128},        {512, 2048, 8192, 4, 64},
    {512, 2048, 8192, 4, 32},        {512, 2048, 8192, 4, 128, false}, {512, 2048, 8192, 4, 64, false},
    {512, 2048, 8192, 4, 32, false}, {512, 4096, 14336, 4, 128},       {512, 4096, 4096, 4, 128},
    {512, 576, 1536, 4, 64},         {512, 1536, 576, 4, 64},          {512, 576, 1536, 4, 64, false},
    {512, 2048, 8192, 8, 0},         {1, 8192, 8192, 4, 128},          {1, 8192, 8192, 4, 128, false},
    {1, 8192, 8192, 4, 64},          {1, 8192, 8192, 4, 32},           {1, 8192, 8192, 8, 0},
    {2, 8192, 8192, 4, 128},         {4, 8192, 8192, 4, 128},          {8, 8192, 8192, 4, 128},
    {16, 8192, 8192, 4, 128},
};

void register_all() {
  for (const Isa isa : supported_isas()) {
    for (const Shape& s : kShapes) {
      if (isa == Isa::kPortable && s.m > 8) continue;
      const std::string name = fmt::format("{}/m{}k{}n{}/{}bit/g{}{}", isa_name(isa), s.m, s.k, s.n, s.bits,
                                           s.group_size, s.symmetric ? "" : "/asym");
      benchmark::RegisterBenchmark(name.c_str(), int_gemm_product, isa, s)
          ->Unit(benchmark::kMillisecond)
          ->UseRealTime();
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
