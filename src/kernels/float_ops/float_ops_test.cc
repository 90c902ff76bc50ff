#include "kernels/float_ops/float_ops.h"

#include <cmath>
#include <limits>

#include "kernels/kernel_test.h"

namespace fptq::kernels {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Lengths around one, two and more sets of sixteen lanes, and a model's width.
const int64_t kLengths[] = {1, 2, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 576};

class FloatOpsTest : public KernelTest {
 protected:
  const FloatOps& ops() const { return float_ops(GetParam()); }
  const FloatOps& portable() const { return float_ops(Isa::kPortable); }
};

TEST_P(FloatOpsTest, RmsNormIsTheFormula) {
  Random random(1);
  for (const int64_t n : kLengths) {
    const std::vector<float> x = random.reals(n, -3, 3), gamma = random.reals(n, 0.1f, 2);
    std::vector<float> y(x.size());
    ops().rms_norm(x.data(), gamma.data(), 1e-5f, n, y.data());
    double squares = 0;
    for (const float v : x) squares += static_cast<double>(v) * v;
    for (int64_t i = 0; i < n; ++i) {
      const double exact = x[i] / std::sqrt(squares / static_cast<double>(n) + 1e-5) * gamma[i];
      ASSERT_NEAR(y[i], exact, 1e-6 * std::fabs(exact) + 1e-30) << n << " " << i;
    }
    std::vector<float> in_place = x;
    ops().rms_norm(in_place.data(), gamma.data(), 1e-5f, n, in_place.data());
    EXPECT_EQ(bits(in_place), bits(y));
  }
}

// The order of the sum is part of the contract: sixteen lanes, then 8+8, 4+4, 2+2, 1+1. So are the roundings.
TEST_P(FloatOpsTest, RmsNormHasTheBitsOfSixteenLanes) {
  Random random(2);
  for (const int64_t n : kLengths) {
    const std::vector<float> x = random.reals(n, -3, 3), gamma = random.reals(n);
    float lanes[16] = {};
    for (int64_t i = 0; i < n; ++i) {
      const float square = x[i] * x[i];
      lanes[i % 16] += square;
    }
    for (int half = 8; half > 0; half /= 2) {
      for (int l = 0; l < half; ++l) lanes[l] += lanes[l + half];
    }
    const float factor = 1.0f / std::sqrt(lanes[0] / static_cast<float>(n) + 1e-6f);
    std::vector<float> y(x.size()), expected(x.size());
    for (int64_t i = 0; i < n; ++i) {
      const float scaled = x[i] * factor;
      expected[i] = scaled * gamma[i];
    }
    ops().rms_norm(x.data(), gamma.data(), 1e-6f, n, y.data());
    EXPECT_EQ(bits(y), bits(expected)) << n;
  }
}

TEST_P(FloatOpsTest, SiluMulIsAccurateOverTheWholeRange) {
  Random random(3);
  std::vector<float> gate;
  for (int i = -8700; i <= 8800; ++i) gate.push_back(static_cast<float>(i) * 0.01f + 0.003f);
  const auto n = static_cast<int64_t>(gate.size());
  const std::vector<float> up = random.reals(n, 0.5f, 2.0f);
  std::vector<float> y(gate.size()), expected(gate.size());
  ops().silu_mul(gate.data(), up.data(), n, y.data());
  portable().silu_mul(gate.data(), up.data(), n, expected.data());
  EXPECT_EQ(bits(y), bits(expected));
  for (size_t i = 0; i < gate.size(); ++i) {
    const double g = gate[i], exact = g / (1.0 + std::exp(-g)) * up[i];
    // exp to 2 ulp, then three roundings: at most 3.5 units of 2^-23.
    ASSERT_NEAR(y[i], exact, 3.5 * 0x1p-23 * std::fabs(exact)) << gate[i];
  }
}

TEST_P(FloatOpsTest, SiluMulAtTheEnds) {
  const std::vector<float> gate = {-1000.0f, 1000.0f, 0.0f, 3e38f, -3e38f, kInf}, up(gate.size(), 1.0f);
  std::vector<float> y(gate.size());
  ops().silu_mul(gate.data(), up.data(), static_cast<int64_t>(gate.size()), y.data());
  EXPECT_EQ(y, (std::vector<float>{0.0f, 1000.0f, 0.0f, 3e38f, 0.0f, kInf}));
}

TEST_P(FloatOpsTest, SiluMulAtEveryLengthAndInPlace) {
  Random random(4);
  for (const int64_t n : kLengths) {
    const std::vector<float> gate = random.reals(n, -9, 9), up = random.reals(n);
    std::vector<float> y(gate.size()), expected(gate.size()), over_gate = gate, over_up = up;
    portable().silu_mul(gate.data(), up.data(), n, expected.data());
    ops().silu_mul(gate.data(), up.data(), n, y.data());
    ops().silu_mul(over_gate.data(), up.data(), n, over_gate.data());
    ops().silu_mul(gate.data(), over_up.data(), n, over_up.data());
    EXPECT_EQ(bits(y), bits(expected));
    EXPECT_EQ(bits(over_gate), bits(expected));
    EXPECT_EQ(bits(over_up), bits(expected));
  }
}

TEST_P(FloatOpsTest, Add) {
  Random random(5);
  for (const int64_t n : kLengths) {
    const std::vector<float> x = random.reals(n);
    std::vector<float> y = random.reals(n), expected = y;
    for (int64_t i = 0; i < n; ++i) expected[i] += x[i];
    ops().add(x.data(), n, y.data());
    EXPECT_EQ(bits(y), bits(expected));
  }
}

TEST_P(FloatOpsTest, RopeRotatesPairsHalfAHeadApart) {
  Random random(6);
  for (const int64_t half : {1, 4, 8, 15, 16, 17, 32, 40, 64}) {
    std::vector<float> head = random.reals(2 * half), cos, sin, expected = head;
    for (int64_t i = 0; i < half; ++i) {
      const float angle = random.real(-3, 3);
      cos.push_back(std::cos(angle));
      sin.push_back(std::sin(angle));
      const float a = head[i], b = head[i + half];
      const float ac = a * cos[i], bs = b * sin[i], bc = b * cos[i], as = a * sin[i];
      expected[i] = ac - bs;
      expected[i + half] = bc + as;
    }
    ops().rope(head.data(), cos.data(), sin.data(), half);
    EXPECT_EQ(bits(head), bits(expected)) << half;
  }
}

TEST_P(FloatOpsTest, AbsMaxFindsEveryPosition) {
  for (const int64_t n : kLengths) {
    for (int64_t at = 0; at < n; ++at) {
      std::vector<float> x(static_cast<size_t>(n), 0.25f);
      x[at] = -2.0f;
      EXPECT_EQ(ops().abs_max(x.data(), n), 2.0f);
    }
  }
  EXPECT_EQ(ops().abs_max(nullptr, 0), 0.0f);
}

TEST_P(FloatOpsTest, ChannelAbsMaxKeepsTheLarger) {
  Random random(7);
  for (const int64_t n : kLengths) {
    const std::vector<float> x = random.reals(n);
    std::vector<float> maxima = random.reals(n, 0, 1), expected = maxima;
    for (int64_t i = 0; i < n; ++i) expected[i] = std::max(expected[i], std::fabs(x[i]));
    ops().channel_abs_max(x.data(), n, maxima.data());
    EXPECT_EQ(bits(maxima), bits(expected));
  }
}

TEST_P(FloatOpsTest, LogSumExp) {
  Random random(8);
  for (const int64_t n : kLengths) {
    for (const float shift : {0.0f, 500.0f, -500.0f}) {
      std::vector<float> x = random.reals(n, -20, 20);
      for (float& v : x) v += shift;
      double sum = 0;
      for (const float v : x) sum += std::exp(static_cast<double>(v) - shift);
      const double y = ops().log_sum_exp(x.data(), n);
      EXPECT_NEAR(y, shift + std::log(sum), 3e-7);
      EXPECT_EQ(y, portable().log_sum_exp(x.data(), n));
    }
  }
  const std::vector<float> nothing(20, -kInf);
  EXPECT_EQ(ops().log_sum_exp(nothing.data(), 20), -kInf);
  EXPECT_EQ(ops().log_sum_exp(nullptr, 0), -kInf);
}

FPTQ_FOR_EVERY_ISA(FloatOpsTest);

}  // namespace
}  // namespace fptq::kernels
