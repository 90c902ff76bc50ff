#include "quant/awq.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "quant/activation_policy.h"
#include "quant/golden_data.h"
#include "quant/made_data.h"
#include "quant/round_to_nearest.h"

namespace fptq {
namespace {

// Of what the layer puts out for `x`, when its inputs are divided and its columns multiplied by `scales`:
// the mean squared error that `quantized` leaves. In double, by the definition.
double output_error(std::span<const float> x, std::span<const float> scales, const LinearWeights& original,
                    const LinearWeights& quantized) {
  const auto n = static_cast<size_t>(original.cols);
  std::vector<float> w(n), q(n);
  double sum = 0;
  for (int64_t r = 0; r < original.rows; ++r) {
    original.decode_row(r, w.data());
    quantized.decode_row(r, q.data());
    for (size_t t = 0; t < x.size() / n; ++t) {
      double error = 0;
      for (size_t j = 0; j < n; ++j) {
        const double s = scales.empty() ? 1.0 : scales[j];
        error += x[t * n + j] * (q[j] / s - w[j]);
      }
      sum += error * error;
    }
  }
  return sum / static_cast<double>(x.size() / n * static_cast<size_t>(original.rows));
}

struct Layer {
  explicit Layer(const Json& data)
      : tokens(data["tokens"]),
        n(data["cols"]),
        group(data["group_size"]),
        w(made_weights(data["rows"], n)) {}
  int64_t tokens, n, group;
  LinearWeights w;
  WeightRows rows{w, {}, "m"};
  std::vector<float> x = made_inputs(tokens, n);
};

TEST(Awq, ColumnMeansAndScalesAreThoseOfLlmCompressor) {
  const Json data = golden("rivals.json")["awq"];
  const Layer layer(data);
  const ActivationStatistics statistics = made_statistics(layer.tokens, layer.n);
  for (const Json& c : data["cases"]) {
    const std::vector<float> columns = relative_column_means(std::span(&layer.rows, 1), layer.group);
    const auto expected = c["column_means"].get<std::vector<float>>(),
               scales = c["scales"].get<std::vector<float>>();
    for (size_t j = 0; j < columns.size(); ++j) ASSERT_NEAR(columns[j], expected[j], 1e-6f) << j;
    // It tells its scales, not their ratio: one of its grid's must give them.
    double nearest = HUGE_VAL;
    for (int i = 0; i < 19; ++i) {
      const std::vector<float> s = awq_scales(statistics.channel_mean, columns, i / 18.0);
      double most = 0;
      for (size_t j = 0; j < s.size(); ++j) most = std::max(most, std::fabs(double{s[j]} / scales[j] - 1));
      nearest = std::min(nearest, most);
    }
    EXPECT_LT(nearest, 2e-5);
  }
}

TEST(Awq, LeavesNoMoreErrorThanLlmCompressor) {
  const Json data = golden("rivals.json")["awq"];
  const Layer layer(data);
  const ActivationStatistics statistics = made_statistics(layer.tokens, layer.n);
  ThreadPool pool(2);
  for (const Json& c : data["cases"]) {
    const WeightSpec spec{.bits = 4, .group_size = layer.group, .symmetric = c["symmetric"]};
    SCOPED_TRACE(spec.symmetric);
    ActivationContext context{.statistics = statistics, .norm = "input_layernorm"};
    context.consumers = std::span(&layer.rows, 1);
    context.weights = spec;
    context.pool = &pool;
    context.form = ActivationForm::kFloat;
    const ActivationPlan plan = awq_policy(context);
    ASSERT_EQ(plan.equalization.size(), static_cast<size_t>(layer.n)) << plan.reason;
    const WeightRows scaled(layer.w, plan.equalization, "m");
    const double searched = output_error(layer.x, plan.equalization, layer.w,
                                         round_to_nearest(scaled, spec, DType::kF32, pool)),
                 clipped =
                     output_error(layer.x, plan.equalization, layer.w,
                                  round_clipped(scaled, spec, DType::kF32, layer.x, plan.equalization, pool)),
                 plain = output_error(layer.x, {}, layer.w,
                                      round_to_nearest(layer.rows, spec, DType::kF32, pool));
    EXPECT_LE(searched, 1.01 * c["error"].get<double>());
    EXPECT_LE(clipped, 1.01 * c["error"].get<double>());
    EXPECT_LT(searched, 0.5 * plain);
  }
}

TEST(Awq, RowsThatMakeSeveralChannelsGiveThemOneScale) {
  const Layer layer(golden("rivals.json")["awq"]);
  const ActivationStatistics statistics = made_statistics(layer.tokens, layer.n);
  ThreadPool pool(1);
  ActivationContext context{.statistics = statistics};
  std::vector<int32_t> makers;
  for (int32_t j = 0; j < layer.n; ++j) makers.push_back(j % 64);
  context.producer_rows = makers;
  context.consumers = std::span(&layer.rows, 1);
  context.weights = {.bits = 4, .group_size = layer.group};
  context.pool = &pool;
  const ActivationPlan plan = awq_policy(context);
  ASSERT_EQ(plan.equalization.size(), 128u) << plan.reason;
  for (size_t j = 0; j < 64; ++j) EXPECT_EQ(plan.equalization[j], plan.equalization[j + 64]);
  EXPECT_NE(plan.equalization[4], plan.equalization[5]);
}

// Group by group, what AutoAWQ's search would leave; where it clamps -8 away, ours may do a little better.
TEST(Awq, ClippingIsAtLeastAutoAwqs) {
  const Json data = golden("rivals.json")["clipping"];
  const Layer layer(data);
  const auto n = static_cast<size_t>(layer.n), size = static_cast<size_t>(layer.group);
  ThreadPool pool(2);
  for (const bool symmetric : {true, false}) {
    const WeightSpec spec{.bits = 4, .group_size = layer.group, .symmetric = symmetric};
    const double expected = data["errors"][symmetric ? "symmetric" : "asymmetric"];
    const auto group_errors = [&](const LinearWeights& q) {
      std::vector<float> w(n), decoded(n);
      double sum = 0;
      for (int64_t r = 0; r < layer.w.rows; ++r) {
        layer.w.decode_row(r, w.data());
        q.decode_row(r, decoded.data());
        for (size_t t = 0; t < static_cast<size_t>(layer.tokens); ++t) {
          for (size_t g = 0; g < n; g += size) {
            double error = 0;
            for (size_t j = g; j < g + size; ++j) error += layer.x[t * n + j] * (double{decoded[j]} - w[j]);
            sum += error * error;
          }
        }
      }
      return sum / static_cast<double>(layer.tokens);
    };
    const double found = group_errors(round_clipped(layer.rows, spec, DType::kF32, layer.x, {}, pool));
    EXPECT_LE(found, 1.0001 * expected) << symmetric;
    EXPECT_GE(found, (symmetric ? 0.8 : 0.95) * expected) << "is it the same search?";
    EXPECT_GT(group_errors(round_to_nearest(layer.rows, spec, DType::kF32, pool)), 1.05 * expected);
  }
}

TEST(Awq, SameBytesForAnyNumberOfThreads) {
  const Layer layer(golden("rivals.json")["awq"]);
  std::vector<LinearWeights> results;
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    results.push_back(round_clipped(layer.rows, {4, 64, false}, DType::kBF16, layer.x, {}, pool));
  }
  EXPECT_EQ(0, std::memcmp(results[0].codes.bytes().data(), results[1].codes.bytes().data(),
                           results[0].codes.bytes().size()));
  EXPECT_EQ(0, std::memcmp(results[0].scales.bytes().data(), results[1].scales.bytes().data(),
                           results[0].scales.bytes().size()));
}

}  // namespace
}  // namespace fptq
