#include "quant/learned_rounding/learned_matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "quant/golden_data.h"
#include "quant/made_data.h"
#include "quant/quantized_matrix.h"
#include "quant/round_to_nearest.h"

namespace fptq {
namespace {

LinearWeights random_matrix(int64_t rows, int64_t cols, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<float> values(static_cast<size_t>(rows * cols));
  for (float& x : values) x = static_cast<float>(generator() >> 40) * 0x1p-23f - 1.0f;
  return dense(rows, cols, values);
}

std::vector<float> decoded(const LinearWeights& w) {
  std::vector<float> values(static_cast<size_t>(w.rows * w.cols));
  for (int64_t r = 0; r < w.rows; ++r) w.decode_row(r, values.data() + r * w.cols);
  return values;
}

void expect_same(const LinearWeights& a, const LinearWeights& b) {
  const auto same_bytes = [](const Tensor& x, const Tensor& y) {
    return x.bytes().size() == y.bytes().size() &&
           std::memcmp(x.bytes().data(), y.bytes().data(), x.bytes().size()) == 0;
  };
  EXPECT_TRUE(same_bytes(a.codes, b.codes));
  EXPECT_TRUE(same_bytes(a.scales, b.scales));
  EXPECT_EQ(static_cast<bool>(a.zero_points), static_cast<bool>(b.zero_points));
  if (a.zero_points) {
    EXPECT_TRUE(same_bytes(a.zero_points, b.zero_points));
  }
}

// Codes that no rounding of the weights gives, on grids that do not cover them.
LinearWeights unusual_start(const WeightRows& weights, const WeightSpec& spec, DType scale_dtype) {
  std::mt19937_64 generator(7);
  QuantizedMatrix out(weights, spec, scale_dtype);
  const int lowest = -(1 << (spec.bits - 1)), codes = 1 << spec.bits;
  for (int64_t r = 0; r < weights.rows(); ++r) {
    std::vector<int8_t> row(static_cast<size_t>(weights.cols()));
    for (int8_t& code : row)
      code = static_cast<int8_t>(lowest + static_cast<int>(generator() % static_cast<unsigned>(codes)));
    std::vector<GroupGrid> grids(static_cast<size_t>(out.groups()));
    for (GroupGrid& grid : grids) {
      grid.scale = round_to_dtype(0.01f + static_cast<float>(generator() % 100) * 0.001f, scale_dtype);
      if (!spec.symmetric) grid.zero = lowest + static_cast<int>(generator() % static_cast<unsigned>(codes));
    }
    out.put_row(r, row, grids);
  }
  return out.take();
}

struct Form {
  int bits;
  bool symmetric;
  int64_t group_size;
  DType scale_dtype;
};

class LearnedMatrixForms : public testing::TestWithParam<Form> {};

TEST_P(LearnedMatrixForms, StartsFromTheCodesOfAnySolver) {
  const Form& form = GetParam();
  const WeightSpec spec = {form.bits, form.group_size, form.symmetric};
  const LinearWeights original = random_matrix(6, 128, 1);
  const WeightRows weights(original, {}, "weight");
  ThreadPool pool(2);
  for (const LinearWeights& start : {round_to_nearest(weights, spec, form.scale_dtype, pool),
                                     unusual_start(weights, spec, form.scale_dtype)}) {
    std::vector<float> now(6 * 128);
    LearnedMatrix matrix(weights, start, now.data(), pool);
    expect_same(matrix.kept(), start);
    EXPECT_EQ(now, decoded(start));
    // A step of no size goes through offsets and ranges and changes nothing either.
    matrix.step(now.data(), {}, pool);
    matrix.keep(pool);
    expect_same(matrix.kept(), start);
    EXPECT_EQ(now, decoded(start));
    matrix.step(now.data(), {0.0f, 1e-30f}, pool);
    matrix.keep(pool);
    expect_same(matrix.kept(), start);
    EXPECT_EQ(now, decoded(start));
  }
}

TEST_P(LearnedMatrixForms, WhatIsKeptIsWhatWasLearned) {
  const Form& form = GetParam();
  const WeightSpec spec = {form.bits, form.group_size, form.symmetric};
  const LinearWeights original = random_matrix(6, 128, 1), target = random_matrix(6, 128, 2);
  const WeightRows weights(original, {}, "weight");
  ThreadPool pool(1);
  std::vector<float> now(6 * 128), gradient(now.size());
  LearnedMatrix matrix(weights, round_to_nearest(weights, spec, form.scale_dtype, pool), now.data(), pool);
  const LinearWeights before = matrix.kept();
  const std::vector<float> wanted = decoded(target);
  for (int i = 0; i < 20; ++i) {
    for (size_t j = 0; j < now.size(); ++j) gradient[j] = now[j] - wanted[j];
    matrix.step(gradient.data(), {0.05f, 0.01f}, pool);
  }
  expect_same(matrix.kept(), before);  // until it is told to
  matrix.keep(pool);
  const LinearWeights after = matrix.kept();
  after.validate("learned");
  EXPECT_EQ(after.scales.dtype(), form.scale_dtype);
  EXPECT_EQ(decoded(after), now);
  EXPECT_NE(decoded(before), now);
}

// What is learned of -W on grids of the opposite sign is the mirror image.
TEST(LearnedMatrix, GridsMayHaveNegativeScales) {
  const WeightSpec spec = {4, 16, true};
  const LinearWeights original = random_matrix(6, 128, 1), target = random_matrix(6, 128, 2);
  std::vector<float> negative = decoded(original);
  for (float& x : negative) x = -x;
  const LinearWeights mirrored = dense(6, 128, negative);
  const WeightRows weights(original, {}, "weight"), mirrored_weights(mirrored, {}, "mirrored");
  ThreadPool pool(1);
  std::vector<float> now(6 * 128), mirror(now.size()), gradient(now.size());
  LearnedMatrix matrix(weights, round_to_nearest(weights, spec, DType::kBF16, pool, SymmetricFit::kSigned),
                       now.data(), pool);
  LearnedMatrix other(mirrored_weights,
                      round_to_nearest(mirrored_weights, spec, DType::kBF16, pool, SymmetricFit::kSigned),
                      mirror.data(), pool);
  const std::vector<float> wanted = decoded(target);
  const auto error = [&] {
    double sum = 0;
    for (size_t j = 0; j < now.size(); ++j) sum += std::pow(static_cast<double>(now[j] - wanted[j]), 2);
    return sum;
  };
  const double before = error();
  for (int i = 0; i < 20; ++i) {
    for (size_t j = 0; j < now.size(); ++j) gradient[j] = now[j] - wanted[j];
    matrix.step(gradient.data(), {0.05f, 0.01f}, pool);
    for (float& g : gradient) g = -g;
    other.step(gradient.data(), {0.05f, 0.01f}, pool);
  }
  for (size_t j = 0; j < now.size(); ++j) ASSERT_EQ(now[j], -mirror[j]) << j;
  EXPECT_LT(error(), 0.9 * before);
  const AlignedBuffer<float> scales = matrix.kept().scales.to_floats();
  EXPECT_TRUE(std::ranges::any_of(scales, [](float s) { return s < 0; }));
  EXPECT_TRUE(std::ranges::any_of(scales, [](float s) { return s > 0; }));
}

INSTANTIATE_TEST_SUITE_P(Forms, LearnedMatrixForms,
                         testing::Values(Form{4, true, 16, DType::kBF16}, Form{4, false, 16, DType::kBF16},
                                         Form{4, true, 64, DType::kF16}, Form{4, false, 128, DType::kF16},
                                         Form{4, false, 0, DType::kF32}, Form{8, true, 128, DType::kBF16},
                                         Form{8, false, 32, DType::kF32}, Form{8, true, 0, DType::kF16}));

// Signed gradient descent as PyTorch's autograd does it (testdata/make_block_gradients.py).
TEST(LearnedMatrix, StepsArePyTorchs) {
  const Json data = golden("rounding_steps.json");
  const int64_t rows = data["rows"], cols = data["cols"], group_size = data["group_size"];
  const LinearWeights original = dense(rows, cols, data["weights"].get<std::vector<float>>());
  const WeightRows weights(original, {}, "weight");
  ThreadPool pool(1);
  for (const Json& c : data["cases"]) {
    const WeightSpec spec = {c["bits"], group_size, c["symmetric"]};
    SCOPED_TRACE(std::to_string(spec.bits) + (spec.symmetric ? " symmetric" : " asymmetric"));
    std::vector<float> now(static_cast<size_t>(rows * cols));
    LearnedMatrix matrix(weights, round_to_nearest(weights, spec, DType::kF32, pool), now.data(), pool);
    const RoundingStep by = {data["by"]["offset"], data["by"]["range"]};
    for (const Json& gradient : data["gradients"]) {
      matrix.step(gradient.get<std::vector<float>>().data(), by, pool);
    }
    matrix.keep(pool);
    const LinearWeights result = matrix.kept();
    const AlignedBuffer<float> scales = result.scales.to_floats();
    for (size_t g = 0; g < scales.size(); ++g) {
      EXPECT_NEAR(scales[g] / c["scales"][g].get<float>(), 1.0f, 1e-6f) << "group " << g;
      if (spec.symmetric) continue;
      const int zero = static_cast<int8_t>(result.zero_points.bytes()[g]) + (1 << (spec.bits - 1));
      EXPECT_EQ(static_cast<float>(zero), c["zeros"][g].get<float>()) << "group " << g;
    }
    for (size_t i = 0; i < now.size(); ++i) EXPECT_NEAR(now[i], c["result"][i].get<float>(), 2e-6f) << i;
  }
}

}  // namespace
}  // namespace fptq
