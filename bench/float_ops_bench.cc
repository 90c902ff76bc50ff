// The float operations between matrix products on every ISA of this machine, one thread: a row at a time,
// from the cache, as they run between two layers.
#include <fmt/format.h>

#include <vector>

#include "kernels/float_ops/float_ops.h"
#include "limits.h"

namespace fptq::kernels {
namespace {

constexpr int64_t kWidth = 2048;

struct Row {
  std::vector<float> x, y, z;
};

struct Operation {
  const char* name;
  void (*run)(const FloatOps& ops, Row& row);
  double flops;  // of one element, as float_ops_body.h computes it; exp counts 23
  double bytes;  // read and written for one element
};

constexpr Operation kOperations[] = {
    {"rms_norm",
     [](const FloatOps& ops, Row& r) { ops.rms_norm(r.x.data(), r.y.data(), 1e-5f, kWidth, r.z.data()); }, 4,
     12},
    {"silu_mul",
     [](const FloatOps& ops, Row& r) { ops.silu_mul(r.x.data(), r.y.data(), kWidth, r.z.data()); }, 27, 12},
    {"add", [](const FloatOps& ops, Row& r) { ops.add(r.x.data(), kWidth, r.z.data()); }, 1, 12},
    {"rope",
     [](const FloatOps& ops, Row& r) {
       for (int64_t head = 0; head < kWidth; head += 64) {
         ops.rope(r.z.data() + head, r.x.data(), r.y.data(), 32);
       }
     },
     3, 8},
    {"abs_max",
     [](const FloatOps& ops, Row& r) { benchmark::DoNotOptimize(ops.abs_max(r.x.data(), kWidth)); }, 1, 4},
    {"channel_abs_max",
     [](const FloatOps& ops, Row& r) { ops.channel_abs_max(r.x.data(), kWidth, r.z.data()); }, 1, 12},
    {"log_sum_exp",
     [](const FloatOps& ops, Row& r) { benchmark::DoNotOptimize(ops.log_sum_exp(r.x.data(), kWidth)); }, 26,
     8},
};

void one_row(benchmark::State& state, Isa isa, const Operation& operation) {
  Row row;
  for (std::vector<float>* v : {&row.x, &row.y, &row.z}) {
    v->resize(static_cast<size_t>(kWidth));
    for (size_t i = 0; i < v->size(); ++i) (*v)[i] = 0.001f * static_cast<float>(i % 700);
  }
  for (auto _ : state) {
    operation.run(float_ops(isa), row);
    benchmark::ClobberMemory();
  }
  report_bytes(state, isa, operation.bytes * static_cast<double>(kWidth));
  report_flops(state, isa, operation.flops * static_cast<double>(kWidth));
}

void register_all() {
  for (const Isa isa : supported_isas()) {
    for (const Operation& operation : kOperations) {
      const std::string name = fmt::format("{}/{}/{}", isa_name(isa), operation.name, kWidth);
      benchmark::RegisterBenchmark(name.c_str(), one_row, isa, operation)
          ->Unit(benchmark::kNanosecond)
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
