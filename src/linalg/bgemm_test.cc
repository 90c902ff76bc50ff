#include "linalg/bgemm.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

namespace fptq {
namespace {

using Floats = std::vector<float>;

Floats random_floats(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  Floats x(count);
  for (float& v : x) v = static_cast<float>(random() >> 40) * 0x1p-23f - 1.0f;
  return x;
}

float as_bfloat16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return std::bit_cast<float>((bits + 0x7fffU + (bits >> 16 & 1U)) & 0xffff0000U);
}

class ProductInBFloat16 : public testing::TestWithParam<std::pair<bool, bool>> {};

TEST_P(ProductInBFloat16, IsThatOfTheRoundedFactors) {
  if (fast_precision() == Precision::kFloat) GTEST_SKIP() << "this machine has no units for bfloat16";
  const auto [a_transposed, b_transposed] = GetParam();
  const int64_t m = 530, n = 37, k = 65;
  const Floats a = random_floats(static_cast<size_t>(m * k), 1),
               b = random_floats(static_cast<size_t>(k * n), 2),
               before = random_floats(static_cast<size_t>(m * n), 3);
  for (const float beta : {0.0f, 1.0f}) {
    std::vector<Floats> results;
    for (const int threads : {1, 3}) {
      ThreadPool pool(threads);
      Floats c = before;
      product(Precision::kBFloat16, pool, m, n, k, {a.data(), a_transposed ? m : k, a_transposed},
              {b.data(), b_transposed ? k : n, b_transposed}, beta, c.data(), n);
      results.push_back(c);
    }
    EXPECT_EQ(results[0], results[1]);
    for (int64_t i = 0; i < m; i += 7) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = static_cast<double>(beta * before[static_cast<size_t>(i * n + j)]);
        for (int64_t l = 0; l < k; ++l) {
          const float x = a[static_cast<size_t>(a_transposed ? l * m + i : i * k + l)],
                      y = b[static_cast<size_t>(b_transposed ? j * k + l : l * n + j)];
          sum += static_cast<double>(as_bfloat16(x)) * static_cast<double>(as_bfloat16(y));
        }
        ASSERT_NEAR(results[0][static_cast<size_t>(i * n + j)], sum, 2e-5) << i << " " << j << " " << beta;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, ProductInBFloat16,
                         testing::Values(std::pair{false, false}, std::pair{true, false},
                                         std::pair{false, true}, std::pair{true, true}));

TEST(Product, InFloatIsGemm) {
  const int64_t n = 20;
  const Floats a = random_floats(400, 4), b = random_floats(400, 5);
  ThreadPool pool(2);
  Floats x(400), y(400);
  product(Precision::kFloat, pool, n, n, n, {a.data(), n}, {b.data(), n, true}, 0.0f, x.data(), n);
  gemm(pool, n, n, n, 1.0f, {a.data(), n}, {b.data(), n, true}, 0.0f, y.data(), n);
  EXPECT_EQ(x, y);
}

}  // namespace
}  // namespace fptq
