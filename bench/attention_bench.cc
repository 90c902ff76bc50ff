// Attention on every ISA of this machine, one thread: one query over the caches of many heads, which come
// from memory (decode), and the last 64 queries of a prompt over one head's cache (prefill).
#include <fmt/format.h>

#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/attention/attention.h"
#include "limits.h"

namespace fptq::kernels {
namespace {

struct Shape {
  int64_t queries, positions, head_dim;
  bool int8;
};

// Keys and values of several heads of one kind, [head, positions, head_dim].
struct Caches {
  Caches(const Shape& s, int64_t count) : heads(count) {
    const auto elements = static_cast<size_t>(heads * s.positions * s.head_dim);
    if (s.int8) {
      k_codes = std::vector<int8_t>(elements, 3);
      v_codes = k_codes;
      scales = std::vector<float>(static_cast<size_t>(heads * s.positions), 0.01f);
    } else {
      k = std::vector<float>(elements, 0.03f);
      v = k;
    }
  }
  int64_t heads;
  std::vector<float> k, v, scales;
  std::vector<int8_t> k_codes, v_codes;
};

void attend(benchmark::State& state, Isa isa, Shape s) {
  const int64_t bytes = 2 * s.positions * (s.int8 ? s.head_dim + 4 : s.head_dim * 4);  // of one head
  const Caches caches(s, s.queries == 1 ? kBeyondCaches / bytes : 1);
  const std::vector<float> q(static_cast<size_t>(s.queries * s.head_dim), 0.1f);
  std::vector<float> out(q.size());
  AlignedBuffer<float> scratch(static_cast<size_t>(attention_scratch_floats(s.queries, s.positions)));
  AttentionArgs args;
  args.q = q.data();
  args.queries = s.queries;
  args.q_stride = s.head_dim;
  args.head_dim = s.head_dim;
  args.first_position = s.positions - s.queries;
  args.scale = 0.125f;
  args.out = out.data();
  args.out_stride = s.head_dim;
  args.scratch = scratch.data();
  const Attention kernel = attention(isa);
  for (auto _ : state) {
    for (int64_t head = 0; head < caches.heads; ++head) {
      const int64_t at = head * s.positions * s.head_dim;
      if (s.int8) {
        args.k_codes = caches.k_codes.data() + at;
        args.v_codes = caches.v_codes.data() + at;
        args.k_scales = args.v_scales = caches.scales.data() + head * s.positions;
      } else {
        args.k = caches.k.data() + at;
        args.v = caches.v.data() + at;
      }
      kernel(args);
    }
    benchmark::ClobberMemory();
  }
  // Query i sees first_position + i + 1 positions; a product with a key and one with a value for each.
  const double seen = static_cast<double>(s.queries) *
                      (static_cast<double>(s.positions) - 0.5 * static_cast<double>(s.queries - 1));
  report_bytes(state, isa, static_cast<double>(caches.heads * bytes));
  report_flops(state, isa, 4.0 * static_cast<double>(caches.heads * s.head_dim) * seen);
}

constexpr Shape kShapes[] = {
    {1, 512, 64, false},  {1, 512, 64, true},  {1, 4096, 128, false},  {1, 4096, 128, true},
    {64, 512, 64, false}, {64, 512, 64, true}, {64, 4096, 128, false}, {64, 4096, 128, true},
};

void register_all() {
  for (const Isa isa : supported_isas()) {
    for (const Shape& s : kShapes) {
      const std::string name = fmt::format("{}/{}/q{}p{}d{}", isa_name(isa), s.int8 ? "int8" : "f32",
                                           s.queries, s.positions, s.head_dim);
      benchmark::RegisterBenchmark(name.c_str(), attend, isa, s)
          ->Unit(benchmark::kMicrosecond)
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
