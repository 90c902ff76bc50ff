// Attention on the active ISA (FPTQ_ISA chooses), one thread, through the backend: one token over the caches
// of many layers, which come from memory (decode), and 512 tokens behind a past (prefill).
#include <fmt/format.h>

#include <vector>

#include "backend/backend.h"
#include "limits.h"

namespace fptq {
namespace {

struct Shape {
  int64_t tokens, past, heads, kv_heads, head_dim;
};

constexpr KvType kTypes[] = {KvType::kFloat, KvType::kHalf, KvType::kInt8, KvType::kFloat8};
constexpr const char* kNames[] = {"f32", "f16", "int8", "fp8"};
constexpr double kBytes[] = {4, 2, 1, 1};

void attend(benchmark::State& state, size_t type, Shape s) {
  ThreadPool pool(1);
  const auto backend = make_cpu_backend(pool);
  const AttentionShape shape{s.heads, s.kv_heads, s.head_dim, 0};
  const double bytes = 2 * kBytes[type] * static_cast<double>(s.kv_heads * s.head_dim * (s.past + s.tokens));
  const auto layers = s.tokens == 1 ? static_cast<size_t>(kernels::kBeyondCaches / bytes) + 1 : size_t{1};
  const std::vector<float> q(static_cast<size_t>(s.tokens * s.heads * s.head_dim), 0.1f);
  const std::vector<float> kv(static_cast<size_t>((s.past + s.tokens) * s.kv_heads * s.head_dim), 0.03f);
  std::vector<float> out(static_cast<size_t>((s.past + s.tokens) * s.heads * s.head_dim));
  std::vector<std::unique_ptr<LayerKv>> caches;
  for (size_t i = 0; i < layers; ++i) {
    caches.push_back(backend->make_kv(shape, kTypes[type]));
    for (int64_t at = 0; at < s.past; at += s.tokens) {
      // Fills the cache; the queries hardly matter.
      const int64_t count = std::min(s.past - at, s.tokens);
      const AttentionSequence sequence{0, count, caches.back().get()};
      backend->attention(shape, std::span(&sequence, 1), q.data(), kv.data(), kv.data(), out.data());
    }
  }
  for (auto _ : state) {
    for (const auto& cache : caches) {
      cache->truncate(s.past);
      const AttentionSequence sequence{0, s.tokens, cache.get()};
      backend->attention(shape, std::span(&sequence, 1), q.data(), kv.data(), kv.data(), out.data());
    }
  }
  // Token i sees past + i + 1 positions; a product with a key and one with a value for each.
  const double seen =
      static_cast<double>(s.tokens) * (static_cast<double>(s.past) + 0.5 * static_cast<double>(s.tokens + 1));
  const kernels::Isa isa = kernels::active_isa();
  const auto calls = static_cast<double>(layers);
  kernels::report_bytes(state, isa, calls * bytes);
  kernels::report_flops(state, isa, 4.0 * calls * static_cast<double>(s.heads * s.head_dim) * seen);
}

// SmolLM2-135M and Llama-3.2-1B.
constexpr Shape kShapes[] = {
    {1, 1024, 9, 3, 64},  {512, 0, 9, 3, 64},  {512, 3584, 9, 3, 64},
    {1, 8192, 32, 8, 64}, {512, 0, 32, 8, 64}, {512, 3584, 32, 8, 64},
};

void register_all() {
  for (const Shape& s : kShapes) {
    for (size_t type = 0; type < std::size(kTypes); ++type) {
      const std::string name = fmt::format("{}/{}/tokens{}past{}heads{}", isa_name(kernels::active_isa()),
                                           kNames[type], s.tokens, s.past, s.heads);
      benchmark::RegisterBenchmark(name.c_str(), attend, type, s)
          ->Unit(benchmark::kMicrosecond)
          ->UseRealTime();
    }
  }
}

}  // namespace
}  // namespace fptq

int main(int argc, char** argv) {
  fptq::register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
