// A layer as static and dynamic quantization hold it, run by the engine: what torch's fake quantization says
// that it puts out; with FP8 what compressed-tensors' says (testdata/make_rivals_golden.py).
#include <gtest/gtest.h>

#include <cmath>

#include "backend/backend.h"
#include "quant/activation_policy.h"
#include "quant/golden_data.h"
#include "quant/made_data.h"
#include "quant/round_to_nearest.h"

namespace fptq {
namespace {

ActivationContext context_of(const std::string& name, const ActivationStatistics& statistics,
                             ThreadPool& pool) {
  ActivationContext context{.statistics = statistics};
  context.pool = &pool;
  context.scale_dtype = DType::kF32;
  context.form = name.find("static") == std::string::npos ? ActivationForm::kToken : ActivationForm::kStatic;
  if (name.starts_with("int4")) context.input.bits = 4;
  if (name.starts_with("fp8")) context.input.type = CodeType::kFloat8E4M3;
  if (context.form == ActivationForm::kStatic)
    context.range = {find_range_observer(name.substr(name.rfind(' ') + 1)), 99.0};
  return context;
}

WeightSpec weights_of(const std::string& name) {
  if (name.starts_with("int4")) return {.bits = 4, .per_tensor = true};
  if (name.starts_with("fp8")) return {.bits = 8, .type = CodeType::kFloat8E4M3};
  return {.bits = 8};
}

TEST(FakeQuantization, OfTorchIsWhatTheEngineComputes) {
  const Json data = golden("rivals.json")["layers"];
  const int64_t n = data["cols"], rows = data["rows"];
  LinearWeights w;
  w.rows = rows;
  w.cols = n;
  w.weight = Tensor::from_floats({rows, n}, floats_of_bits(data["weights"]));
  const ActivationStatistics statistics = made_statistics(data["tokens"], n);
  std::vector<float> all = made_inputs(data["tokens"], n), x;
  for (const Json& t : data["chosen"]) {
    const auto begin = all.begin() + t.get<int64_t>() * n;
    x.insert(x.end(), begin, begin + n);
  }
  ThreadPool pool(2);
  const auto backend = make_cpu_backend(pool);
  for (const Json& c : data["cases"]) {
    const std::string name = c["name"];
    SCOPED_TRACE(name);
    const ActivationContext context = context_of(name, statistics, pool);
    ActivationPlan plan = plain_policy(context);
    hold(context, plan);
    EXPECT_NEAR(plan.spec.scale, c["input_scale"].get<double>(), 2e-6 * c["input_scale"].get<double>());
    LinearWeights q =
        round_to_nearest(WeightRows(w, {}, "m"), weights_of(name), DType::kF32, pool, SymmetricFit::kFull);
    q.activation = plan.spec;
    const auto layer = backend->load_linear(std::move(q));
    const auto expected = c["outputs"].get<std::vector<double>>();
    std::vector<float> y(expected.size());
    const LoadedLinear* layers = layer.get();
    float* out = y.data();
    backend->linear(std::span(&layers, 1), x.data(), std::ssize(data["chosen"]), std::span(&out, 1));
    double most = 0;
    for (const double v : expected) most = std::max(most, std::fabs(v));
    for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], expected[i], 1e-5 * most) << i;
  }
}

}  // namespace
}  // namespace fptq
