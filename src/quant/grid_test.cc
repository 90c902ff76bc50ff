#include "quant/grid.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/isa.h"
#include "kernels/quantize_activations/quantize_activations.h"
#include "quant/golden_data.h"

namespace fptq {
namespace {

TEST(Grid, MatchesTheReferenceToTheLastBit) {
  const Json data = golden("grid.json");
  const std::vector<float> w = floats_of_bits(data["weights"]);
  const auto size = data["group_size"].get<size_t>();
  for (const Json& c : data["cases"]) {
    const int bits = c["bits"];
    const bool symmetric = c["symmetric"];
    const DType dtype = find_dtype(c["dtype"].get<std::string>())->dtype;
    const std::vector<float> scales = floats_of_bits(c["scales"]);
    SCOPED_TRACE(c["dtype"].get<std::string>() + " " + std::to_string(bits) +
                 (symmetric ? " symmetric" : " asymmetric"));
    for (size_t g = 0; g < scales.size(); ++g) {
      const std::span<const float> group(w.data() + g * size, size);
      const GroupGrid grid = fit_group(group, bits, symmetric, dtype);
      EXPECT_EQ(grid.scale, scales[g]) << "group " << g;
      EXPECT_EQ(grid.zero, c["zeros"][g].get<int>()) << "group " << g;
      std::vector<int8_t> codes(size);
      round_group(group, grid, bits, codes.data());
      for (size_t i = 0; i < size; ++i) {
        EXPECT_EQ(static_cast<int>(codes[i]), c["codes"][g * size + i].get<int>())
            << "group " << g << " weight " << i;
      }
    }
  }
}

TEST(Grid, RoundsLikeTheOnlineQuantizer) {
  std::vector<float> x;
  for (int i = -600; i <= 600; ++i)
    x.push_back(static_cast<float>(i) * 0.25f);  // every tie, and beyond both ends
  for (const kernels::Isa isa : kernels::supported_isas()) {
    for (const float scale : {1.0f, 0.5f, 0.3f}) {
      std::vector<int8_t> offline(x.size()), online(x.size());
      round_group(x, {scale, 0}, 8, offline.data());
      kernels::quantize_activations(isa).static_tensor(x.data(), std::ssize(x), scale, 0, online.data());
      EXPECT_EQ(offline, online) << kernels::isa_name(isa) << " " << scale;
    }
  }
}

TEST(Grid, HalvesGoToEven) {
  const float w[] = {7.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -7.5f, 100.0f};
  int8_t codes[8];
  round_group(w, {1.0f, 0}, 4, codes);
  EXPECT_EQ(std::vector<int>(codes, codes + 8), (std::vector<int>{7, 0, 2, 2, 0, -2, -8, 7}));
}

TEST(Grid, ASignedScaleGivesTheGreatestWeightTheLowestCode) {
  for (const float sign : {1.0f, -1.0f}) {
    const std::vector<float> w = {-4.0f * sign, 3.5f * sign, 0.5f * sign};
    const GroupGrid grid = fit_group(w, 4, true, DType::kBF16, SymmetricFit::kSigned);
    EXPECT_EQ(grid.scale, 0.5f * sign);
    int8_t codes[3];
    round_group(w, grid, 4, codes);
    EXPECT_EQ(std::vector<int>(codes, codes + 3), (std::vector<int>{-8, 7, 1}));
  }
  EXPECT_EQ(stored_scale(-0x1p-140f, DType::kBF16), -smallest_scale(DType::kBF16));
}

TEST(Grid, EmptyGroupDecodesToExactZeros) {
  const std::vector<float> zeros = {0.0f, -0.0f, 0.0f, 0.0f};
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const bool symmetric : {true, false}) {
      const GroupGrid grid = fit_group(zeros, 4, symmetric, dtype);
      EXPECT_EQ(grid.scale, 0x1p-23f);
      EXPECT_EQ(round_to_dtype(grid.scale, dtype), grid.scale);
      int8_t codes[4];
      round_group(zeros, grid, 4, codes);
      for (const int8_t code : codes) EXPECT_EQ(static_cast<float>(code - grid.zero) * grid.scale, 0.0f);
    }
  }
}

TEST(Grid, FaintGroupsKeepAPositiveStorableScale) {
  for (const float tiny : {1e-7f, 1e-10f, 1e-38f, std::numeric_limits<float>::denorm_min()}) {
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      for (const bool symmetric : {true, false}) {
        const std::vector<float> w = {tiny, -tiny, tiny / 2, 0.0f};
        const GroupGrid grid = fit_group(w, 4, symmetric, dtype);
        EXPECT_GE(grid.scale, smallest_scale(dtype));
        EXPECT_TRUE(std::isfinite(grid.scale));
        EXPECT_EQ(round_to_dtype(grid.scale, dtype), grid.scale);
        int8_t codes[4];
        round_group(w, grid, 4, codes);
        for (size_t i = 0; i < w.size(); ++i) {
          const float back = static_cast<float>(codes[i] - grid.zero) * grid.scale;
          EXPECT_LE(std::fabs(back - w[i]), grid.scale) << tiny << " " << i;
        }
      }
    }
  }
}

TEST(Grid, ScaleBeyondTheTypeIsInfinite) {
  const std::vector<float> w = {1e6f, 1.0f};
  EXPECT_TRUE(std::isinf(fit_group(w, 4, true, DType::kF16).scale));
  EXPECT_TRUE(std::isfinite(fit_group(w, 4, true, DType::kBF16).scale));
  const std::vector<float> vast = {3e38f, -3e38f};
  EXPECT_TRUE(std::isinf(fit_group(vast, 4, false, DType::kF32).scale));
}

TEST(Grid, OneOutlierTakesTheGrid) {
  const std::vector<float> w = {1e38f, 1.0f, -1.0f, 0.0f};
  const GroupGrid grid = fit_group(w, 4, true, DType::kBF16);
  int8_t codes[4];
  round_group(w, grid, 4, codes);
  EXPECT_EQ(std::vector<int>(codes, codes + 4), (std::vector<int>{7, 0, 0, 0}));
}

}  // namespace
}  // namespace fptq
