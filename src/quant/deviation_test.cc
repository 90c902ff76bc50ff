#include "quant/deviation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "quant/made_data.h"
#include "quant/round_to_nearest.h"

namespace fptq {
namespace {

// Codes and one scale for each row, as a matrix.
LinearWeights held(std::vector<int8_t> codes, float scale, int64_t cols) {
  LinearWeights q;
  q.rows = std::ssize(codes) / cols;
  q.cols = cols;
  q.spec = {8, 0, true};
  std::byte* data = nullptr;
  q.codes = Tensor::allocate(DType::kI8, {q.rows, cols}, &data);
  std::memcpy(data, codes.data(), codes.size());
  q.scales = Tensor::from_floats({q.rows, 1}, std::vector<float>(static_cast<size_t>(q.rows), scale));
  return q;
}

TEST(Deviation, CountsWeightsThatRoundBeyondTheLastCode) {
  // The ends lie half a step beyond -128 and 127.
  const LinearWeights w = dense(1, 5, std::vector<float>{127.4f, 127.6f, -128.4f, -128.6f, 0});
  ThreadPool pool(1);
  const Deviation d =
      measure_deviation(WeightRows(w, {}, "m"), held({127, 127, -128, -128, 0}, 1.0f, 5), pool);
  EXPECT_DOUBLE_EQ(d.clipped_share, 2.0 / 5);
  EXPECT_EQ(d.smallest_scale, 1);
  EXPECT_EQ(d.largest_scale, 1);
  // On the mirrored grid of a negative scale they lie beyond -127 and 128.
  const Deviation mirrored =
      measure_deviation(WeightRows(w, {}, "m"), held({-127, -128, 127, 127, 0}, -1.0f, 5), pool);
  EXPECT_DOUBLE_EQ(mirrored.clipped_share, 2.0 / 5);
  EXPECT_EQ(mirrored.largest_scale, 1);
}

TEST(Deviation, RoundingThatCoversTheRangeClipsNothing) {
  const LinearWeights w = made_weights(24, 128);
  ThreadPool pool(2);
  const WeightRows rows(w, {}, "m");
  for (const WeightSpec& spec :
       {WeightSpec{4, 32, true}, WeightSpec{4, 32, false}, WeightSpec{3, 64, true}}) {
    const Deviation d = measure_deviation(rows, round_to_nearest(rows, spec, DType::kF32, pool), pool);
    EXPECT_EQ(d.clipped_share, 0) << spec.bits;
    EXPECT_GT(d.smallest_scale, 0);
    EXPECT_GT(d.largest_scale, d.smallest_scale);
  }
}

TEST(Deviation, ADenseLayerHasNoScales) {
  const LinearWeights w = made_weights(4, 32);
  ThreadPool pool(1);
  const Deviation d = measure_deviation(WeightRows(w, {}, "m"), w, pool);
  EXPECT_EQ(d.relative_error, 0);
  EXPECT_EQ(d.sqnr_db, 200);
  EXPECT_EQ(d.largest_scale, 0);
  EXPECT_EQ(d.clipped_share, 0);
}

TEST(Decibels, EndAtWhatDoubleCanTell) {
  EXPECT_EQ(decibels(1.0), 0.0);
  EXPECT_DOUBLE_EQ(decibels(0.01), 20.0);
  EXPECT_EQ(decibels(1e-30), 200.0);
  EXPECT_EQ(decibels(0.0), 200.0);
}

TEST(OutputSqnr, TokensCountAlikeAndThoseOfZerosDoNot) {
  const std::vector<float> reference = {1, 0, 0, 0, 0, 20}, result = {1.5f, 0, 7, 7, 0, 20};
  EXPECT_DOUBLE_EQ(output_sqnr_db(reference, result, 2), -10.0 * std::log10(0.25 / 2));
  EXPECT_EQ(output_sqnr_db(reference, reference, 2), 200.0);
}

}  // namespace
}  // namespace fptq
