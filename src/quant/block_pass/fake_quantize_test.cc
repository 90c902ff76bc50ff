#include "quant/block_pass/fake_quantize.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "backend/cpu/round_activations.h"
#include "kernels/isa.h"
#include "kernels/quantize_activations/quantize_activations.h"

namespace fptq {
namespace {

std::vector<float> token(int64_t n, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = (static_cast<float>(generator() >> 40) * 0x1p-23f - 0.8f) * 3.0f;
  return x;
}

class FakeQuantize : public testing::TestWithParam<int64_t> {};

// The engine's own quantizer is the judge, to the last bit.
TEST_P(FakeQuantize, GivesWhatTheEngineMakesOfATokenAndScale) {
  const int64_t n = GetParam();
  const kernels::QuantizeActivations& engine = kernels::quantize_activations(kernels::Isa::kPortable);
  std::vector<std::vector<float>> inputs = {token(n, 1), token(n, 2),
                                            std::vector<float>(static_cast<size_t>(n), 0.0f),
                                            std::vector<float>(static_cast<size_t>(n), 0.75f)};
  for (const std::vector<float>& x : inputs) {
    std::vector<int8_t> codes(x.size());
    std::vector<float> y(x.size());
    float scale = 0.0f;
    int32_t zero = 0;
    const auto expect_same = [&](const char* what) {
      for (size_t i = 0; i < y.size(); ++i) {
        EXPECT_EQ(y[i], static_cast<float>(codes[i] - zero) * scale) << what << " " << i;
      }
    };
    engine.token(x.data(), n, codes.data(), &scale);
    fake_quantize({.mode = ActivationMode::kDynamicToken}, x.data(), n, y.data());
    expect_same("token");

    engine.token_asymmetric(x.data(), n, codes.data(), &scale, &zero);
    fake_quantize({.mode = ActivationMode::kDynamicToken, .symmetric = false}, x.data(), n, y.data());
    expect_same("token, asymmetric");

    scale = 0.01f;
    for (const int32_t point : {0, -37}) {
      zero = point;
      engine.static_tensor(x.data(), n, scale, zero, codes.data());
      y = x;
      fake_quantize({ActivationMode::kStaticTensor, point == 0, scale, point}, y.data(), n, y.data());
      expect_same("static");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Lengths, FakeQuantize, testing::Values(1, 15, 16, 17, 100));

TEST_P(FakeQuantize, GivesWhatFloatLayersMakeOfOtherCodes) {
  const int64_t n = GetParam();
  const std::vector<float> x = token(n, 4);
  std::vector<float> y(x.size()), expected(x.size());
  for (ActivationSpec spec : {ActivationSpec{.bits = 4}, ActivationSpec{.symmetric = false, .bits = 4},
                              ActivationSpec{.type = CodeType::kFloat8E4M3}}) {
    for (const ActivationMode mode : {ActivationMode::kDynamicToken, ActivationMode::kStaticTensor}) {
      spec.mode = mode;
      spec.scale = 0.25f;
      spec.zero_point = spec.symmetric ? 0 : -3;
      round_activations(spec, x.data(), n, expected.data());
      fake_quantize(spec, x.data(), n, y.data());
      EXPECT_EQ(y, expected) << spec.bits << " " << spec.symmetric << " " << static_cast<int>(spec.type);
    }
  }
}

TEST(FakeQuantize, RoundsHalvesAsTheEngineDoes) {
  std::vector<float> x;
  for (int i = -300; i <= 300; ++i) x.push_back(static_cast<float>(i) * 0.25f);
  std::vector<int8_t> codes(x.size());
  std::vector<float> y(x.size());
  for (const int32_t zero : {0, 5}) {
    kernels::quantize_activations(kernels::Isa::kPortable)
        .static_tensor(x.data(), std::ssize(x), 0.5f, zero, codes.data());
    fake_quantize({ActivationMode::kStaticTensor, zero == 0, 0.5f, zero}, x.data(), std::ssize(x), y.data());
    for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], static_cast<float>(codes[i] - zero) * 0.5f) << x[i];
  }
}

TEST(FakeQuantize, LeavesFloatsAlone) {
  const std::vector<float> x = token(20, 3);
  std::vector<float> y(x.size());
  fake_quantize({}, x.data(), 20, y.data());
  EXPECT_EQ(x, y);
}

TEST(FakeQuantize, GradientsStopWhereAStaticRangeClips) {
  const std::vector<float> x = {-129.0f, -128.0f, 0.3f, 127.0f, 127.5f};
  std::vector<float> gradient(x.size(), 2.0f);
  fake_quantize_backward({ActivationMode::kStaticTensor, true, 1.0f, 0}, x.data(), 5, gradient.data());
  EXPECT_EQ(gradient, (std::vector<float>{0.0f, 2.0f, 2.0f, 2.0f, 0.0f}));
  gradient.assign(x.size(), 2.0f);
  fake_quantize_backward({ActivationMode::kStaticTensor, false, 1.0f, 1}, x.data(), 5, gradient.data());
  EXPECT_EQ(gradient, (std::vector<float>{2.0f, 2.0f, 2.0f, 0.0f, 0.0f}));
  gradient.assign(x.size(), 2.0f);
  fake_quantize_backward({.mode = ActivationMode::kDynamicToken}, x.data(), 5, gradient.data());
  EXPECT_EQ(gradient, std::vector<float>(5, 2.0f));
}

}  // namespace
}  // namespace fptq
