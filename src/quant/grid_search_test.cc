#include "quant/grid_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "quant/grid.h"

namespace fptq {
namespace {

std::vector<float> normal_group(uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<float> w(64);
  for (float& x : w) {
    float sum = 0;  // of uniform numbers, near enough to normal
    for (int i = 0; i < 12; ++i) sum += static_cast<float>(generator() >> 40) * 0x1p-24f;
    x = sum - 6.0f;
  }
  return w;
}

TEST(GridSearch, IsNeverWorseThanTheWholeRange) {
  for (const int bits : {3, 4, 8}) {
    for (const bool symmetric : {true, false}) {
      double searched = 0, whole = 0;
      for (uint64_t seed = 0; seed < 50; ++seed) {
        const std::vector<float> w = normal_group(seed), even(w.size(), 1.0f);
        const double found = group_error(w, even, search_group(w, even, bits, symmetric, DType::kBF16), bits);
        const double fitted = group_error(w, even, fit_group(w, bits, symmetric, DType::kBF16), bits);
        EXPECT_LE(found, fitted) << bits << " bits, seed " << seed;
        searched += found;
        whole += fitted;
      }
      // Eight bits have nothing to gain.
      if (bits < 8) {
        EXPECT_LT(searched, 0.95 * whole) << bits << " bits";
      }
    }
  }
}

TEST(GridSearch, MirrorsAGroup) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<float> w = normal_group(seed);
    const std::vector<float> even(w.size(), 1.0f);
    const double error = group_error(w, even, search_group(w, even, 4, true, DType::kF32), 4);
    for (float& x : w) x = -x;
    EXPECT_NEAR(group_error(w, even, search_group(w, even, 4, true, DType::kF32), 4), error, 1e-6 * error);
  }
}

// All lie on a grid of 16 steps whose longer side is above zero.
TEST(GridSearch, TheLowestCodeServesTheSideThatNeedsIt) {
  std::vector<float> w;
  for (int step = -7; step <= 8; ++step) w.push_back(static_cast<float>(step) * 0.25f);
  const std::vector<float> even(w.size(), 1.0f);
  EXPECT_EQ(search_group(w, even, 4, true, DType::kBF16).scale, -0.25f);
  EXPECT_GT(search_group(w, even, 8, true, DType::kBF16).scale, 0.0f);
}

}  // namespace
}  // namespace fptq
