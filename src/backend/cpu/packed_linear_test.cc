#include <gtest/gtest.h>

#include <random>

#include "backend/backend.h"
#include "expect_error.h"
#include "kernels/int_gemm/int_gemm.h"

namespace fptq {
namespace {

LinearWeights random_layer(bool symmetric_input) {
  std::mt19937 random(5);
  LinearWeights w;
  w.rows = 70;
  w.cols = 48;
  w.spec = {4, 16, true};
  w.activation = {ActivationMode::kDynamicToken, symmetric_input, 0, 0};
  std::byte* data = nullptr;
  w.codes = Tensor::allocate(DType::kU8, {w.rows, packed_row_bytes(w.cols)}, &data);
  for (size_t i = 0; i < w.codes.bytes().size(); ++i) data[i] = static_cast<std::byte>(random());
  std::vector<float> values(static_cast<size_t>(w.rows * w.groups()));
  for (float& v : values) v = 0.01f + static_cast<float>(random() % 100) / 1000.0f;
  w.scales = Tensor::from_floats({w.rows, w.groups()}, values);
  values.resize(static_cast<size_t>(w.rows));
  w.bias = Tensor::from_floats({w.rows}, values);
  return w;
}

std::vector<float> run(Backend& backend, const LoadedLinear& layer) {
  std::vector<float> x(static_cast<size_t>(3 * layer.cols())), y(static_cast<size_t>(3 * layer.rows()), -1);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 17) - 8.0f;
  const LoadedLinear* layers = &layer;
  float* out = y.data();
  backend.linear(std::span(&layers, 1), x.data(), 3, std::span<float* const>(&out, 1));
  return y;
}

TEST(PackedLayers, RunFromTheirImageAsFromTheirWeights) {
  ThreadPool pool(2);
  const auto backend = make_cpu_backend(pool);
  for (const bool symmetric : {true, false}) {
    const LinearWeights w = random_layer(symmetric);
    const auto made = kernels::int_gemm(kernels::active_isa()).pack(w);
    PackedLinear packed = {w.rows, w.cols, w.spec, DType::kF32, true, w.activation, made->image()};
    const auto loaded = backend->load_packed(packed);
    EXPECT_EQ(loaded->resident_bytes(), 0u);
    EXPECT_EQ(run(*backend, *loaded), run(*backend, *backend->load_linear(w)));
    packed.image = packed.image.first(packed.image.size() - 64);
    expect_error(ErrorKind::kBadModel, {"expected an image of"}, [&] { backend->load_packed(packed); });
  }
}

}  // namespace
}  // namespace fptq
