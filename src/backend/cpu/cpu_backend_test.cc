#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "backend/backend.h"

namespace fptq {
namespace {

std::vector<float> random_floats(int64_t n, uint64_t seed, float spread = 1.0f) {
  std::mt19937_64 generator(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = spread * (static_cast<float>(generator() >> 40) * 0x1p-23f - 1.0f);
  return v;
}

LinearWeights dense(int64_t rows, int64_t cols, DType dtype, uint64_t seed) {
  const auto values = random_floats(rows * cols, seed);
  std::byte* data = nullptr;
  LinearWeights w;
  w.rows = rows;
  w.cols = cols;
  w.weight = Tensor::allocate(dtype, {rows, cols}, &data);
  encode_row(dtype, values.data(), data, rows * cols);
  return w;
}

// 4-bit codes in groups of 32.
LinearWeights quantized(int64_t rows, int64_t cols, ActivationMode mode, uint64_t seed) {
  std::mt19937_64 generator(seed);
  LinearWeights w;
  w.rows = rows;
  w.cols = cols;
  w.spec = {4, 32, true};
  w.activation.mode = mode;
  w.activation.scale = 0.02f;
  std::byte* data = nullptr;
  w.codes = Tensor::allocate(DType::kU8, {rows, packed_row_bytes(cols)}, &data);
  for (size_t i = 0; i < w.codes.bytes().size(); ++i) data[i] = static_cast<std::byte>(generator());
  std::vector<float> scales(static_cast<size_t>(rows * cols / 32));
  for (float& s : scales) s = 0.01f + static_cast<float>(generator() >> 40) * 0x1p-30f;
  w.scales = Tensor::from_floats({rows, cols / 32}, scales);
  return w;
}

std::vector<float> run(Backend& backend, const LinearWeights& w, const std::vector<float>& x,
                       int64_t tokens) {
  const auto layer = backend.load_linear(w);
  const LoadedLinear* layers = layer.get();
  std::vector<float> y(static_cast<size_t>(tokens * w.rows), NAN);
  float* out = y.data();
  backend.linear(std::span(&layers, 1), x.data(), tokens, std::span<float* const>(&out, 1));
  return y;
}

// In double, from what the layer says its weights are.
std::vector<double> expected(const LinearWeights& w, const std::vector<float>& x, int64_t tokens) {
  std::vector<float> row(static_cast<size_t>(w.cols));
  std::vector<double> y(static_cast<size_t>(tokens * w.rows));
  for (int64_t r = 0; r < w.rows; ++r) {
    w.decode_row(r, row.data());
    for (int64_t t = 0; t < tokens; ++t) {
      double sum = 0;
      for (int64_t k = 0; k < w.cols; ++k)
        sum += double(row[static_cast<size_t>(k)]) * x[static_cast<size_t>(t * w.cols + k)];
      y[static_cast<size_t>(t * w.rows + r)] = sum;
    }
  }
  return y;
}

TEST(CpuBackend, FloatLayersOfEveryTypeAndShape) {
  ThreadPool pool(2);
  const auto backend = make_cpu_backend(pool);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const int64_t rows : {1, 127, 128, 130, 300}) {
      for (const int64_t tokens : {1, 8, 9, 40}) {
        const int64_t cols = 100;
        const LinearWeights w = dense(rows, cols, dtype, static_cast<uint64_t>(rows));
        const auto x = random_floats(tokens * cols, 5);
        const auto y = run(*backend, w, x, tokens);
        const auto e = expected(w, x, tokens);
        for (size_t i = 0; i < y.size(); ++i)
          ASSERT_NEAR(y[i], e[i], 2e-5) << rows << " " << tokens << " " << i;
      }
    }
  }
}

TEST(CpuBackend, WeightOnlyLayersExpandTheirCodes) {
  ThreadPool pool(2);
  const auto backend = make_cpu_backend(pool);
  const LinearWeights w = quantized(200, 96, ActivationMode::kFloat, 3);
  for (const int64_t tokens : {1, 20}) {
    const auto x = random_floats(tokens * 96, 6);
    const auto y = run(*backend, w, x, tokens);
    const auto e = expected(w, x, tokens);
    for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], e[i], 2e-5);
  }
}

// The integer layers against their definition: the input rounded as the specification says, then exact
// products.
TEST(CpuBackend, IntegerLayersQuantizeTheirInput) {
  ThreadPool pool(2);
  const auto backend = make_cpu_backend(pool);
  const int64_t tokens = 7, cols = 96;
  const auto x = random_floats(tokens * cols, 7, 3.0f);
  for (const ActivationMode mode : {ActivationMode::kStaticTensor, ActivationMode::kDynamicToken}) {
    const LinearWeights w = quantized(200, cols, mode, 4);
    std::vector<float> rounded = x;
    for (int64_t t = 0; t < tokens; ++t) {
      float* row = rounded.data() + t * cols;
      float top = 0;
      for (int64_t k = 0; k < cols; ++k) top = std::max(top, std::fabs(row[k]));
      const float s = mode == ActivationMode::kStaticTensor ? w.activation.scale : top / 127.5f;
      for (int64_t k = 0; k < cols; ++k) {
        row[k] = std::nearbyint(std::min(std::max(row[k] / s, -128.0f), 127.0f)) * s;
      }
    }
    const auto y = run(*backend, w, x, tokens);
    const auto e = expected(w, rounded, tokens);
    for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], e[i], 1e-4 + 1e-5 * std::fabs(e[i]));
  }
}

TEST(CpuBackend, LayersThatShareAnInputEqualThoseRunAlone) {
  ThreadPool pool(3);
  const auto backend = make_cpu_backend(pool);
  const int64_t tokens = 12, cols = 96;
  const auto x = random_floats(tokens * cols, 8, 2.0f);
  // Two layers agree on how to quantize the input, the third does not, the fourth does not quantize it.
  const std::vector<LinearWeights> weights = {quantized(130, cols, ActivationMode::kStaticTensor, 1),
                                              quantized(64, cols, ActivationMode::kDynamicToken, 2),
                                              quantized(70, cols, ActivationMode::kStaticTensor, 3),
                                              dense(20, cols, DType::kF32, 4)};
  std::vector<std::unique_ptr<LoadedLinear>> loaded;
  std::vector<const LoadedLinear*> layers;
  std::vector<std::vector<float>> y;
  std::vector<float*> out;
  for (const LinearWeights& w : weights) {
    loaded.push_back(backend->load_linear(w));
    layers.push_back(loaded.back().get());
    y.emplace_back(static_cast<size_t>(tokens * w.rows));
  }
  for (auto& v : y) out.push_back(v.data());
  backend->linear(layers, x.data(), tokens, out);
  for (size_t i = 0; i < weights.size(); ++i) EXPECT_EQ(y[i], run(*backend, weights[i], x, tokens)) << i;
}

}  // namespace
}  // namespace fptq
