// Activations to INT8 on every ISA of this machine, one thread: a row at a time, from the cache (as between
// two layers of a decode step) and from memory.
#include <fmt/format.h>

#include <functional>
#include <vector>

#include "kernels/quantize_activations/quantize_activations.h"
#include "limits.h"

namespace fptq::kernels {
namespace {

constexpr int64_t kWidth = 2048;

using QuantizeRow = std::function<void(const QuantizeActivations&, const float*, int8_t*)>;

void rows_of(benchmark::State& state, Isa isa, const QuantizeRow& quantize, int64_t rows) {
  std::vector<float> x(static_cast<size_t>(rows * kWidth));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 255) - 127.0f;
  std::vector<int8_t> q(x.size());
  for (auto _ : state) {
    for (int64_t r = 0; r < rows; ++r) {
      quantize(quantize_activations(isa), x.data() + r * kWidth, q.data() + r * kWidth);
    }
    benchmark::ClobberMemory();
  }
  report_bytes(state, isa, static_cast<double>(rows * kWidth) * (sizeof(float) + sizeof(int8_t)));
}

void register_all() {
  const std::pair<const char*, QuantizeRow> forms[] = {
      {"static", [](const QuantizeActivations& k, const float* x,
                    int8_t* q) { k.static_tensor(x, kWidth, 1.0f, 0, q); }},
      {"token",
       [](const QuantizeActivations& k, const float* x, int8_t* q) {
         float scale = 0;
         k.token(x, kWidth, q, &scale);
         benchmark::DoNotOptimize(scale);
       }},
      {"token_asymmetric",
       [](const QuantizeActivations& k, const float* x, int8_t* q) {
         float scale = 0;
         int32_t zero = 0;
         k.token_asymmetric(x, kWidth, q, &scale, &zero);
         benchmark::DoNotOptimize(scale);
         benchmark::DoNotOptimize(zero);
       }},
  };
  constexpr int64_t kManyRows = kBeyondCaches / (kWidth * 4);
  for (const Isa isa : supported_isas()) {
    for (const auto& [form, quantize] : forms) {
      for (const int64_t rows : {int64_t{1}, kManyRows}) {
        const std::string name = fmt::format("{}/{}/{}x{}", isa_name(isa), form, rows, kWidth);
        benchmark::RegisterBenchmark(name.c_str(), rows_of, isa, quantize, rows)
            ->Unit(benchmark::kMicrosecond)
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
