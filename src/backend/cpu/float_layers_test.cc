// Layers of every form that no integer kernel runs: floats, after their input was rounded.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "backend/backend.h"
#include "backend/cpu/round_activations.h"
#include "random_layer.h"
#include "tensor/scheme_name.h"

namespace fptq {
namespace {

constexpr int64_t kCols = 96;

struct Form {
  WeightSpec weights;
  ActivationSpec input;
};

std::vector<Form> forms() {
  const ActivationSpec fp8_token{.mode = ActivationMode::kDynamicToken, .type = CodeType::kFloat8E4M3},
      fp8_static{.mode = ActivationMode::kStaticTensor, .scale = 0.003f, .type = CodeType::kFloat8E4M3},
      int8_token{.mode = ActivationMode::kDynamicToken},
      int4_static{.mode = ActivationMode::kStaticTensor, .scale = 0.3f, .bits = 4},
      int4_token{.mode = ActivationMode::kDynamicToken, .symmetric = false, .bits = 4};
  const WeightSpec e4m3{.bits = 8, .type = CodeType::kFloat8E4M3},
      e5m2{.bits = 8, .type = CodeType::kFloat8E5M2, .per_tensor = true},
      nf4{.bits = 4, .group_size = 64, .type = CodeType::kNormalFloat4, .nested = true}, int3{3, 32, false},
      int4{4, 32, true};
  return {{e4m3, {}}, {e4m3, fp8_token},  {e4m3, fp8_static},  {e5m2, fp8_token},  {nf4, {}},
          {int3, {}}, {int3, int8_token}, {int4, int4_static}, {int4, int4_token}, {int4, fp8_token}};
}

std::vector<float> inputs(int64_t tokens) {
  std::mt19937 random(2);
  std::vector<float> x(static_cast<size_t>(tokens * kCols));
  for (float& v : x) v = static_cast<float>(static_cast<int32_t>(random())) * 0x1p-30f;
  return x;
}

std::vector<float> run(Backend& backend, const LoadedLinear& layer, const std::vector<float>& x,
                       int64_t tokens) {
  std::vector<float> y(static_cast<size_t>(tokens * layer.rows()), NAN);
  const LoadedLinear* layers = &layer;
  float* out = y.data();
  backend.linear(std::span(&layers, 1), x.data(), tokens, std::span<float* const>(&out, 1));
  return y;
}

TEST(FloatLayers, AreTheirDecodedRowsTimesTheRoundedInput) {
  ThreadPool pool(2);
  const auto backend = make_cpu_backend(pool);
  std::mt19937 random(4);
  for (const Form& form : forms()) {
    SCOPED_TRACE(scheme_name(form.weights) + ", " + scheme_name(form.input));
    const LinearWeights w = random_layer(130, kCols, form.weights, form.input, DType::kBF16, random);
    w.validate("m");
    const auto layer = backend->load_linear(w);
    for (const int64_t tokens : {1, 20}) {
      std::vector<float> x = inputs(tokens);
      const std::vector<float> y = run(*backend, *layer, x, tokens);
      if (form.input.mode != ActivationMode::kFloat) {
        for (int64_t t = 0; t < tokens; ++t)
          round_activations(form.input, x.data() + t * kCols, kCols, x.data() + t * kCols);
      }
      std::vector<float> row(kCols);
      for (int64_t r = 0; r < w.rows; ++r) {
        w.decode_row(r, row.data());
        for (int64_t t = 0; t < tokens; ++t) {
          double sum = 0, size = 0;
          for (int64_t k = 0; k < kCols; ++k) {
            const double product =
                double(row[static_cast<size_t>(k)]) * x[static_cast<size_t>(t * kCols + k)];
            sum += product;
            size += std::fabs(product);
          }
          ASSERT_NEAR(y[static_cast<size_t>(t * w.rows + r)], sum, 1e-6 * size + 1e-9);
        }
      }
    }
  }
}

TEST(FloatLayers, ThatShareAnInputEachRoundItTheirWay) {
  ThreadPool pool(3);
  const auto backend = make_cpu_backend(pool);
  std::mt19937 random(5);
  const int64_t tokens = 12;
  const std::vector<float> x = inputs(tokens);
  std::vector<std::unique_ptr<LoadedLinear>> loaded;
  std::vector<const LoadedLinear*> layers;
  std::vector<std::vector<float>> y;
  std::vector<float*> out;
  for (const Form& form : forms()) {
    loaded.push_back(
        backend->load_linear(random_layer(70, kCols, form.weights, form.input, DType::kF32, random)));
    layers.push_back(loaded.back().get());
    y.emplace_back(static_cast<size_t>(tokens * 70));
  }
  // One that runs on integers, between them.
  loaded.push_back(backend->load_linear(
      random_layer(70, kCols, {4, 32, true}, {.mode = ActivationMode::kDynamicToken}, DType::kF32, random)));
  layers.insert(layers.begin() + 3, loaded.back().get());
  y.emplace_back(static_cast<size_t>(tokens * 70));
  for (auto& v : y) out.push_back(v.data());
  backend->linear(layers, x.data(), tokens, out);
  for (size_t i = 0; i < layers.size(); ++i) EXPECT_EQ(y[i], run(*backend, *layers[i], x, tokens)) << i;
}

}  // namespace
}  // namespace fptq
