#include "kernels/quantize_activations/quantize_activations.h"

#include <cmath>
#include <limits>

#include "kernels/kernel_test.h"

namespace fptq::kernels {
namespace {

constexpr float kEpsilon = 0x1p-23f;

// The definition of the header in the float32 steps of compressed-tensors; nearbyint rounds half to even.
int8_t code_of(float x, float scale, int32_t zero) {
  const float value = x / scale + static_cast<float>(zero);
  return static_cast<int8_t>(std::nearbyint(std::fmin(std::fmax(value, -128.0f), 127.0f)));
}

class QuantizeActivationsTest : public KernelTest {
 protected:
  const QuantizeActivations& kernel() const { return quantize_activations(GetParam()); }
  std::vector<int> static_codes(const std::vector<float>& x, float scale, int32_t zero) const {
    std::vector<int8_t> q(x.size());
    kernel().static_tensor(x.data(), static_cast<int64_t>(x.size()), scale, zero, q.data());
    return {q.begin(), q.end()};
  }
};

// The samples of shared/docs/formats-verified.md section 5, as compressed-tensors 0.19 rounds them.
TEST_P(QuantizeActivationsTest, RoundingSamples) {
  EXPECT_EQ(static_codes({0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 126.5f, 127.4f, 127.5f, -127.5f, -128.5f}, 1.0f, 0),
            (std::vector<int>{0, 2, 2, 0, -2, 126, 127, 127, -128, -128}));
}

TEST_P(QuantizeActivationsTest, EndsOfTheFloatRange) {
  const float huge = std::numeric_limits<float>::max(), tiny = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(static_codes({huge, -huge, tiny, -tiny, 0.0f, -0.0f}, 1.0f, 0),
            (std::vector<int>{127, -128, 0, 0, 0, 0}));
  // The quotient is infinite.
  EXPECT_EQ(static_codes({huge, -huge, 0.0f}, 1e-30f, 5), (std::vector<int>{127, -128, 5}));
}

TEST_P(QuantizeActivationsTest, StaticAtEveryLength) {
  Random random(1);
  for (int n = 0; n <= 67; ++n) {
    const std::vector<float> x = random.reals(n, -3.0f, 3.0f);
    for (const int32_t zero : {0, -128, 127, 17}) {
      const std::vector<int> q = static_codes(x, 0.0173f, zero);
      for (int i = 0; i < n; ++i) ASSERT_EQ(q[i], code_of(x[i], 0.0173f, zero)) << n << " " << i;
    }
  }
}

// A multiplication by the reciprocal would round some of these differently.
TEST_P(QuantizeActivationsTest, TrueDivisionAtTheTies) {
  std::vector<float> x;
  const float scale = 0.0493f;
  for (int i = -128; i < 128; ++i) {
    const float tie = (static_cast<float>(i) + 0.5f) * scale;
    x.insert(x.end(), {std::nextafter(tie, -1e9f), tie, std::nextafter(tie, 1e9f)});
  }
  const std::vector<int> q = static_codes(x, scale, 0);
  int differing = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(q[i], code_of(x[i], scale, 0)) << x[i];
    differing += std::nearbyint(x[i] * (1.0f / scale)) != std::nearbyint(x[i] / scale);
  }
  EXPECT_GT(differing, 0) << "the samples do not tell division from multiplication";
}

TEST_P(QuantizeActivationsTest, TokenAtEveryLength) {
  Random random(2);
  for (int n = 1; n <= 67; ++n) {
    const std::vector<float> x = random.reals(n, -5.0f, 4.0f);
    float most = 0.0f;
    for (const float v : x) most = std::fmax(most, std::fabs(v));
    std::vector<int8_t> q(x.size());
    float scale = 0.0f;
    kernel().token(x.data(), n, q.data(), &scale);
    ASSERT_EQ(scale, most / 127.5f);
    for (int i = 0; i < n; ++i) ASSERT_EQ(q[i], code_of(x[i], scale, 0)) << n << " " << i;
  }
}

TEST_P(QuantizeActivationsTest, TheEndsOfATokenAre127AndMinus128) {
  const std::vector<float> x = {3.25f, -3.25f, 0.0f};
  std::vector<int8_t> q(3);
  float scale = 0.0f;
  kernel().token(x.data(), 3, q.data(), &scale);
  EXPECT_EQ(q, (std::vector<int8_t>{127, -128, 0}));
}

TEST_P(QuantizeActivationsTest, TokenOfZerosTakesEpsilon) {
  // Of the smallest subnormal too: its quotient by 127.5 is 0.
  for (const float value : {0.0f, -0.0f, std::numeric_limits<float>::denorm_min()}) {
    const std::vector<float> x(19, value);
    std::vector<int8_t> q(19, 99);
    float scale = 0.0f;
    int32_t zero = 99;
    kernel().token(x.data(), 19, q.data(), &scale);
    EXPECT_EQ(scale, kEpsilon);
    EXPECT_EQ(q, std::vector<int8_t>(19, 0));
    kernel().token_asymmetric(x.data(), 19, q.data(), &scale, &zero);
    EXPECT_EQ(scale, kEpsilon);
    EXPECT_EQ(zero, -128);
    EXPECT_EQ(q, std::vector<int8_t>(19, -128));
  }
}

TEST_P(QuantizeActivationsTest, AsymmetricTokenAtEveryLengthAndRange) {
  Random random(3);
  for (int n = 1; n <= 67; ++n) {
    // Ranges across 0 and on either side of it, where 0 is taken in.
    for (const auto& [low, high] : {std::pair{-1.0f, 6.0f}, {2.0f, 3.0f}, {-7.0f, -6.5f}}) {
      const std::vector<float> x = random.reals(n, low, high);
      float least = 0.0f, most = 0.0f;
      for (const float v : x) least = std::fmin(least, v), most = std::fmax(most, v);
      const float scale = (most - least) / 255.0f;
      const float zero = std::nearbyint(std::fmin(std::fmax(-128.0f - least / scale, -128.0f), 127.0f));
      std::vector<int8_t> q(x.size());
      float got_scale = 0.0f;
      int32_t got_zero = 0;
      kernel().token_asymmetric(x.data(), n, q.data(), &got_scale, &got_zero);
      ASSERT_EQ(got_scale, scale);
      ASSERT_EQ(got_zero, static_cast<int32_t>(zero));
      for (int i = 0; i < n; ++i) ASSERT_EQ(q[i], code_of(x[i], scale, got_zero)) << n << " " << i;
    }
  }
}

FPTQ_FOR_EVERY_ISA(QuantizeActivationsTest);

}  // namespace
}  // namespace fptq::kernels
