#include "quant/block_pass/row_ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <vector>

namespace fptq {
namespace {

std::vector<float> random_row(int64_t n, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<float> row(static_cast<size_t>(n));
  for (float& x : row) x = static_cast<float>(generator() >> 40) * 0x1p-23f - 1.0f;
  return row;
}

// d f / d x_i by central differences in float64.
double slope(const std::function<double(const std::vector<double>&)>& f, const std::vector<float>& at,
             size_t i) {
  std::vector<double> x(at.begin(), at.end());
  const double step = 1e-5;
  x[i] += step;
  const double above = f(x);
  x[i] -= 2 * step;
  return (above - f(x)) / (2 * step);
}

// Below, at and above the sixteen lanes of a sum.
constexpr int64_t kLengths[] = {1, 15, 16, 17, 50};

TEST(RowOps, RmsNormAndItsGradient) {
  for (const int64_t n : kLengths) {
    const std::vector<float> x = random_row(n, 1), gamma = random_row(n, 2), dy = random_row(n, 3);
    const float eps = 1e-5f;
    const auto norm = [&](const std::vector<double>& at) {
      double squares = 0.0, result = 0.0;
      for (const double v : at) squares += v * v;
      const double factor = 1.0 / std::sqrt(squares / static_cast<double>(n) + static_cast<double>(eps));
      for (size_t i = 0; i < at.size(); ++i) {
        result += at[i] * factor * static_cast<double>(gamma[i]) * static_cast<double>(dy[i]);
      }
      return result;
    };
    const float factor = rms_norm_factor(x.data(), n, eps);
    std::vector<float> y(x.size()), dx(x.size(), 0.5f);
    rms_norm(x.data(), gamma.data(), factor, n, y.data());
    EXPECT_NEAR(dot(y.data(), dy.data(), n), norm({x.begin(), x.end()}), 1e-5);
    rms_norm_backward(x.data(), gamma.data(), factor, dy.data(), n, dx.data());
    for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(dx[i] - 0.5f, slope(norm, x, i), 2e-5) << n << " " << i;
  }
}

TEST(RowOps, SiluAndItsGradients) {
  const auto silu = [](double g) { return g / (1.0 + std::exp(-g)); };
  for (const int64_t n : kLengths) {
    std::vector<float> gate = random_row(n, 4), up = random_row(n, 5);
    for (float& g : gate) g *= 8.0f;
    const std::vector<float> g0 = gate, u0 = up, dy = random_row(n, 6);
    std::vector<float> y(gate.size());
    silu_mul(gate.data(), up.data(), n, y.data());
    silu_mul_backward(dy.data(), n, gate.data(), up.data());
    for (size_t i = 0; i < y.size(); ++i) {
      const double u = static_cast<double>(u0[i]), d = static_cast<double>(dy[i]);
      EXPECT_NEAR(y[i], silu(static_cast<double>(g0[i])) * u, 1e-5);
      EXPECT_NEAR(gate[i], slope([&](const std::vector<double>& x) { return silu(x[i]) * u * d; }, g0, i),
                  1e-5);
      EXPECT_NEAR(up[i], silu(static_cast<double>(g0[i])) * d, 1e-5);
    }
  }
}

TEST(RowOps, RotationBackIsTheTransposedRotation) {
  constexpr int64_t kHalf = 9;
  const std::vector<float> cos = random_row(kHalf, 7),
                           sin = random_row(kHalf, 8);  // not of one angle: yarn scales them
  const std::vector<float> x = random_row(2 * kHalf, 9), dy = random_row(2 * kHalf, 10);
  std::vector<float> y = x, dx = dy;
  rotate(cos.data(), sin.data(), kHalf, y.data());
  EXPECT_FLOAT_EQ(y[0], x[0] * cos[0] - x[kHalf] * sin[0]);
  EXPECT_FLOAT_EQ(y[kHalf], x[kHalf] * cos[0] + x[0] * sin[0]);
  rotate_back(cos.data(), sin.data(), kHalf, dx.data());
  EXPECT_NEAR(dot(y.data(), dy.data(), 2 * kHalf), dot(x.data(), dx.data(), 2 * kHalf), 1e-5);
}

TEST(RowOps, ExponentialsOverTheirRange) {
  std::vector<float> x;
  for (int i = -8700; i <= 8800; i += 7) x.push_back(static_cast<float>(i) * 0.01f + 2.5f);
  std::vector<float> y = x;
  exponentials(2.5f, std::ssize(y), y.data());
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = std::exp(static_cast<double>(x[i] - 2.5f));
    EXPECT_NEAR(y[i] / expected, 1.0, 4e-7) << x[i];
  }
  float far[] = {-1e4f, -INFINITY};
  exponentials(0.0f, 2, far);
  EXPECT_LT(far[0], 1e-37f);
  EXPECT_LT(far[1], 1e-37f);
}

TEST(RowOps, LargestValues) {
  for (const int64_t n : kLengths) {
    for (int64_t where = 0; where < n; ++where) {
      std::vector<float> x(static_cast<size_t>(n), -3.0f);
      x[static_cast<size_t>(where)] = -1.0f;
      EXPECT_EQ(largest(x.data(), n), -1.0f);
      x[static_cast<size_t>(where)] = -5.0f;
      EXPECT_EQ(largest_magnitude(x.data(), n), 5.0f);
    }
  }
}

TEST(RowOps, SquaredErrorAndItsGradient) {
  const std::vector<float> target = random_row(37, 11), y0 = random_row(37, 12);
  std::vector<float> y = y0;
  double expected = 0.0;
  for (size_t i = 0; i < y.size(); ++i) expected += std::pow(static_cast<double>(y0[i] - target[i]), 2);
  EXPECT_NEAR(squared_error(target.data(), 0.25f, 37, y.data()), expected, 1e-5);
  for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], 0.25f * (y0[i] - target[i]));
}

}  // namespace
}  // namespace fptq
