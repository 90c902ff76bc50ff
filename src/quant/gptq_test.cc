#include "quant/gptq.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "quant/deviation.h"
#include "quant/golden_data.h"
#include "quant/made_data.h"
#include "quant/round_to_nearest.h"
#include "tensor/scheme_name.h"

namespace fptq {
namespace {

std::vector<float> random_values(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& v : values) v = normal(random);
  return values;
}

// Mean of x x^T of made-up tokens (gptq_inputs() of make_golden.py): whole numbers, exact in any order.
std::vector<float> moment_of_inputs(int64_t tokens, int64_t n) {
  std::vector<double> moment(static_cast<size_t>(n * n));
  std::vector<double> x(static_cast<size_t>(n));
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t j = 0; j < n; ++j) {
      const int64_t white = (t * t * 7 + j * j * 3 + t * j * 13) % 61 - 30, shared = t * 37 % 41 - 20;
      x[static_cast<size_t>(j)] =
          static_cast<double>((white + shared * (1 + j % 3)) * (100 + j * 37 % 193) * (j % 29 == 5 ? 4 : 1));
    }
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        moment[static_cast<size_t>(i * n + j)] += x[static_cast<size_t>(i)] * x[static_cast<size_t>(j)];
      }
    }
  }
  std::vector<float> mean(moment.size());
  for (size_t i = 0; i < mean.size(); ++i)
    mean[i] = static_cast<float>(moment[i] / static_cast<double>(tokens));
  return mean;
}

double loss(const LinearWeights& original, const LinearWeights& quantized, const std::vector<float>& moment) {
  const auto n = static_cast<size_t>(original.cols);
  std::vector<float> w(n), q(n);
  double sum = 0;
  for (int64_t r = 0; r < original.rows; ++r) {
    original.decode_row(r, w.data());
    quantized.decode_row(r, q.data());
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) {
        sum += static_cast<double>(q[i] - w[i]) * moment[i * n + j] * static_cast<double>(q[j] - w[j]);
      }
    }
  }
  return sum;
}

bool same(const LinearWeights& a, const LinearWeights& b) {
  const auto equal = [](const Tensor& x, const Tensor& y) {
    return x.bytes().size() == y.bytes().size() &&
           std::memcmp(x.bytes().data(), y.bytes().data(), x.bytes().size()) == 0;
  };
  return equal(a.codes, b.codes) && equal(a.scales, b.scales);
}

// Against the reference in float64: a few codes that lie between two steps may differ, the loss may not.
TEST(Gptq, AgreesWithTheReference) {
  const Json data = golden("gptq.json");
  const int64_t rows = data["rows"], n = data["cols"], group = data["group_size"];
  const LinearWeights w = dense(rows, n, floats_of_bits(data["weights"]));
  const std::vector<float> moment = moment_of_inputs(data["tokens"], n);
  ThreadPool pool(2);
  const Curvature curvature(pool, n, moment, {}, {}, "m");
  for (const Json& c : data["cases"]) {
    const bool symmetric = c["symmetric"];
    SCOPED_TRACE(symmetric);
    const LinearWeights q = gptq(WeightRows(w, {}, "m"), {4, group, symmetric}, DType::kF32, curvature,
                                 {.search_grid = false}, pool);
    q.validate("m");
    int64_t differ = 0, i = 0;
    for (const Json& code : c["codes"]) {
      const std::byte pair = q.codes.bytes()[static_cast<size_t>(i / 2)];
      const int found = static_cast<int>(i % 2 == 0 ? pair & std::byte{15} : pair >> 4) - 8;
      differ += found != code.get<int>();
      ++i;
    }
    EXPECT_EQ(i, rows * n);
    EXPECT_LE(differ, rows * n / 100);
    const double expected = c["loss"];
    EXPECT_NEAR(loss(w, q, moment), expected, 0.01 * expected);
    EXPECT_LT(
        expected,
        0.5 * loss(w, round_to_nearest(WeightRows(w, {}, "m"), {4, group, symmetric}, DType::kF32, pool),
                   moment));
  }
}

// The same layer and second moment; act-order with static groups and 1 % damping on both sides.
TEST(Gptq, LeavesNoMoreErrorThanLlmCompressor) {
  const Json data = golden("rivals.json")["gptq"];
  const int64_t rows = data["rows"], n = data["cols"];
  const LinearWeights w = made_weights(rows, n);
  const std::vector<float> moment = moment_of_inputs(data["tokens"], n);
  ThreadPool pool(2);
  const Curvature curvature(pool, n, moment, {}, {}, "m");
  for (const Json& c : data["cases"]) {
    const WeightSpec spec{.bits = c["bits"], .group_size = c["group_size"], .symmetric = c["symmetric"]};
    SCOPED_TRACE(scheme_name(spec));
    const WeightRows weights(w, {}, "m");
    const double ours = loss(w, gptq(weights, spec, DType::kF32, curvature, {}, pool), moment),
                 theirs = c["loss"];
    EXPECT_LE(ours, theirs);
    EXPECT_GT(ours, 0.2 * theirs) << "is it the same layer?";
    const LinearWeights nearest = round_to_nearest(weights, spec, DType::kF32, pool, SymmetricFit::kFull);
    EXPECT_LT(theirs, loss(w, nearest, moment));
  }
}

TEST(Gptq, UncorrelatedInputsLeaveNothingToCompensate) {
  const LinearWeights w = dense(5, 160, random_values(800, 1));
  std::vector<float> moment(160 * 160, 0.0f);
  for (size_t i = 0; i < 160; ++i) moment[i * 160 + i] = static_cast<float>(1 + i % 5);
  ThreadPool pool(1);
  const Curvature curvature(pool, 160, moment, {}, {}, "m");
  const WeightRows rows(w, {}, "m");
  for (const int descents : {0, 3}) {
    const LinearWeights q = gptq(rows, {4, 32, false}, DType::kBF16, curvature,
                                 {.search_grid = false, .descent_passes = descents}, pool);
    const LinearWeights nearest = round_to_nearest(rows, {4, 32, false}, DType::kBF16, pool);
    EXPECT_EQ(descents == 0, same(q, nearest)) << "only scales may still be fitted";
    EXPECT_LE(loss(w, q, moment), loss(w, nearest, moment));
  }
}

TEST(Gptq, EveryStepLowersTheLoss) {
  const LinearWeights w = dense(20, 192, random_values(20 * 192, 2));
  const std::vector<float> moment = moment_of_inputs(256, 192);
  ThreadPool pool(2);
  const Curvature curvature(pool, 192, moment, {}, {}, "m");
  const WeightRows rows(w, {}, "m");
  for (const WeightSpec& spec : {WeightSpec{4, 64, true}, WeightSpec{4, 64, false}, WeightSpec{8, 0, true}}) {
    const auto with = [&](bool search, int passes) {
      return loss(
          w,
          gptq(rows, spec, DType::kBF16, curvature, {.search_grid = search, .descent_passes = passes}, pool),
          moment);
    };
    const double nearest = loss(w, round_to_nearest(rows, spec, DType::kBF16, pool), moment),
                 plain = with(false, 0);
    EXPECT_LT(plain, nearest);
    EXPECT_LE(with(true, 0), plain);
    EXPECT_LT(with(false, 4), plain);
    EXPECT_LT(with(true, 4), plain);
  }
}

// Scales on the input are the same as dividing the tokens and multiplying the columns.
TEST(Gptq, EqualizedInputsGiveEqualizedCurvature) {
  const int64_t n = 64;
  const std::vector<float> moment = moment_of_inputs(256, n);
  std::vector<float> scales(static_cast<size_t>(n)), divided(moment.size());
  for (size_t i = 0; i < scales.size(); ++i) scales[i] = static_cast<float>(1 << (i % 4));
  for (size_t i = 0; i < scales.size(); ++i) {
    for (size_t j = 0; j < scales.size(); ++j) {
      divided[i * scales.size() + j] = moment[i * scales.size() + j] / (scales[i] * scales[j]);
    }
  }
  ThreadPool pool(1);
  const Curvature a(pool, n, moment, scales, {}, "m"), b(pool, n, divided, {}, {}, "m");
  for (int64_t i = 0; i < n * n; ++i) ASSERT_EQ(a.moment()[i], b.moment()[i]);
}

TEST(Gptq, SameBytesForAnyNumberOfThreads) {
  const LinearWeights w = dense(50, 320, random_values(50 * 320, 4));
  const std::vector<float> moment = moment_of_inputs(512, 320);
  std::vector<LinearWeights> results;
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    const Curvature curvature(pool, 320, moment, {}, {}, "m");
    results.push_back(
        gptq(WeightRows(w, {}, "m"), {4, 64, true}, DType::kBF16, curvature, {.descent_passes = 3}, pool));
  }
  EXPECT_TRUE(same(results[0], results[1]));
  EXPECT_TRUE(same(results[0], results[2]));
}

// More inputs than tokens: nothing but the damping makes such a moment invertible.
TEST(Curvature, ShrinksWhatLiesOffTheDiagonal) {
  ThreadPool pool(2);
  const std::vector<float> moment = {4.0f, 0.0f, 1.0f, 2.0f};  // the lower triangle is read
  const Curvature curvature(pool, 2, moment, {}, {.damping = 0.1, .shrinkage = 0.25}, "m");
  const float* m = curvature.moment();
  EXPECT_FLOAT_EQ(m[0], 4.3f);
  EXPECT_FLOAT_EQ(m[1], 0.75f);
  EXPECT_FLOAT_EQ(m[2], 0.75f);
  EXPECT_FLOAT_EQ(m[3], 2.3f);
}

TEST(Curvature, DampsWhatIsSingular) {
  const std::vector<float> moment = moment_of_inputs(20, 192);
  ThreadPool pool(1);
  const Curvature curvature(pool, 192, moment, {}, {.damping = 1e-12}, "m");
  for (int64_t i = 0; i < 192; ++i) ASSERT_GT(curvature.factor()[i * 192 + i], 0);
  const Curvature silent(pool, 4, std::vector<float>(16, 0.0f), {}, {}, "m");
  EXPECT_GT(silent.factor()[0], 0);
}

}  // namespace
}  // namespace fptq
