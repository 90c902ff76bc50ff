#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "linalg/cholesky.h"
#include "linalg/sgemm.h"

namespace fptq {
namespace {

std::vector<float> random_values(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = normal(random);
  return values;
}

struct Product {
  int64_t m, n, k;
};

// Shapes below, at and above the tiles; every way that the factors may lie.
TEST(Gemm, IsTheSumOfProducts) {
  ThreadPool pool(2);
  for (const auto& [m, n, k] :
       {Product{1, 1, 1}, Product{3, 300, 17}, Product{257, 5, 64}, Product{256, 512, 33}}) {
    const std::vector<float> a = random_values(m * k, 1), b = random_values(k * n, 2),
                             start = random_values(m * n, 3);
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        std::vector<float> c = start;
        gemm(pool, m, n, k, 2.0f, {a.data(), ta ? m : k, ta}, {b.data(), tb ? k : n, tb}, -1.0f, c.data(), n);
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t j = 0; j < n; ++j) {
            double sum = 0;
            for (int64_t p = 0; p < k; ++p) {
              sum += static_cast<double>(a[static_cast<size_t>(ta ? p * m + i : i * k + p)]) *
                     b[static_cast<size_t>(tb ? j * k + p : p * n + j)];
            }
            const auto at = static_cast<size_t>(i * n + j);
            ASSERT_NEAR(c[at], 2 * sum - start[at], 1e-3)
                << m << "x" << n << "x" << k << " " << i << " " << j;
          }
        }
      }
    }
  }
}

TEST(Gemm, SameBitsForAnyNumberOfThreads) {
  const std::vector<float> a = random_values(300 * 70, 1), b = random_values(70 * 600, 2);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::vector<float>& c = results.emplace_back(300 * 600);
    gemm(pool, 300, 600, 70, 1.0f, {a.data(), 70}, {b.data(), 600}, 0.0f, c.data(), 600);
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(Gram, FillsTheLowerTriangle) {
  constexpr int64_t n = 300, k = 40;
  const std::vector<float> a = random_values(n * k, 5);
  std::vector<float> c(n * n, 1.0f);
  ThreadPool pool(2);
  add_gram_lower(pool, n, k, 0.5f, a.data(), n, c.data(), n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (int64_t t = 0; t < k; ++t)
        sum += static_cast<double>(a[static_cast<size_t>(t * n + i)]) * a[static_cast<size_t>(t * n + j)];
      ASSERT_NEAR(c[static_cast<size_t>(i * n + j)], 1 + 0.5 * sum, 1e-4);
    }
  }
}

// A A^T + I of order n.
std::vector<float> definite(int64_t n) {
  const std::vector<float> a = random_values(n * n, 7);
  std::vector<float> m(static_cast<size_t>(n * n));
  ThreadPool pool(1);
  gemm(pool, n, n, n, 1.0f / static_cast<float>(n), {a.data(), n}, {a.data(), n, true}, 0.0f, m.data(), n);
  for (int64_t i = 0; i < n; ++i) m[static_cast<size_t>(i * n + i)] += 1.0f;
  return m;
}

TEST(Cholesky, FactorsAndInverts) {
  for (const int64_t n : {1, 5, 128, 129, 400}) {
    ThreadPool pool(3);
    const std::vector<float> m = definite(n);
    std::vector<float> l = m, inverse(m.size(), 9.0f);
    ASSERT_TRUE(cholesky_lower(pool, n, l.data(), n));
    invert_lower(pool, n, l.data(), n, inverse.data(), n);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double product = 0, identity = 0;
        for (int64_t k = 0; k <= std::min(i, j); ++k) {
          product +=
              static_cast<double>(l[static_cast<size_t>(i * n + k)]) * l[static_cast<size_t>(j * n + k)];
        }
        for (int64_t k = 0; k <= i; ++k) {
          identity += static_cast<double>(l[static_cast<size_t>(i * n + k)]) *
                      inverse[static_cast<size_t>(k * n + j)];
        }
        ASSERT_NEAR(product, m[static_cast<size_t>(i * n + j)], 1e-5) << n;
        ASSERT_NEAR(identity, i == j, 1e-5) << n;
        if (j > i) {
          ASSERT_EQ(inverse[static_cast<size_t>(i * n + j)], 0.0f);
        }
      }
    }
  }
}

TEST(Cholesky, RefusesWhatIsNotPositiveDefinite) {
  ThreadPool pool(1);
  for (const int64_t at : {0, 150, 199}) {
    std::vector<float> m = definite(200);
    m[static_cast<size_t>(at * 200 + at)] = -1.0f;
    EXPECT_FALSE(cholesky_lower(pool, 200, m.data(), 200));
    m[static_cast<size_t>(at * 200 + at)] = NAN;
    EXPECT_FALSE(cholesky_lower(pool, 200, m.data(), 200));
  }
}

}  // namespace
}  // namespace fptq
