#include "quant/static_range.h"

#include <gtest/gtest.h>

#include <cmath>

#include "expect_error.h"
#include "quant/activation_policy.h"
#include "quant/golden_data.h"
#include "quant/made_data.h"

namespace fptq {
namespace {

struct Case {
  ActivationStatistics statistics;
  std::vector<float> scales;
};

Case made_case(const Json& data, const Json& c) {
  const int64_t n = data["cols"];
  Case out{made_statistics(data["tokens"], n), {}};
  for (int64_t j = 0; j < n; ++j) out.scales.push_back(j % 13 == 5 ? c["divisor"].get<float>() : 1.0f);
  return out;
}

TEST(StaticRange, PercentilesAreNumpys) {
  const Json data = golden("rivals.json")["observers"];
  ThreadPool pool(1);
  for (const Json& c : data["cases"]) {
    const Case made = made_case(data, c);
    for (const auto& [percentile, expected] : c["percentiles"].items()) {
      const RangeOptions options{RangeObserver::kPercentile, std::stod(percentile)};
      const double reach = expected.get<double>();
      EXPECT_NEAR(observed_reach(made.statistics, made.scales, options, {}, pool), reach, 1e-5 * reach);
    }
    EXPECT_EQ(observed_reach(made.statistics, made.scales, {RangeObserver::kPercentile, 100.0}, {}, pool),
              observed_reach(made.statistics, made.scales, {}, {}, pool));
  }
}

TEST(StaticRange, LeastErrorIsThatOfLlmCompressorsSearch) {
  const Json data = golden("rivals.json")["observers"];
  int narrowed = 0;
  for (const Json& c : data["cases"]) {
    const Case made = made_case(data, c);
    for (const int threads : {1, 3}) {
      ThreadPool pool(threads);
      const float reach = observed_reach(made.statistics, made.scales, {RangeObserver::kMse}, {}, pool);
      const double ours = c["mse_127"], theirs = c["mse"];
      EXPECT_NEAR(reach, ours, 1e-5 * ours);
      // Its steps are range / 127.5: it may stop a hundredth sooner or later.
      EXPECT_NEAR(reach, theirs, 0.0125 * theirs);
      narrowed += reach < observed_reach(made.statistics, made.scales, {}, {}, pool) ? 1 : 0;
    }
  }
  EXPECT_GE(narrowed, 4) << "there is something to find";
}

TEST(StaticRange, MinMaxNeedsNoSample) {
  ThreadPool pool(1);
  const ActivationStatistics statistics{.channel_max = {3.0f, 8.0f}, .tokens = 1};
  EXPECT_EQ(observed_reach(statistics, {}, {}, {}, pool), 8.0f);
  const float scales[] = {1.0f, 4.0f};
  EXPECT_EQ(observed_reach(statistics, scales, {}, {}, pool), 3.0f);
}

TEST(StaticRange, SilenceHasNoReach) {
  ThreadPool pool(1);
  const ActivationStatistics silent{.channel_max = {0.0f, 0.0f}, .tokens = 2, .sample = {0, 0, 0, 0}};
  for (const RangeObserver observer :
       {RangeObserver::kMinMax, RangeObserver::kPercentile, RangeObserver::kMse})
    EXPECT_EQ(observed_reach(silent, {}, {observer}, {}, pool), 0.0f);
}

TEST(StaticRange, UnknownObserversAreRefused) {
  EXPECT_EQ(find_range_observer("mse"), RangeObserver::kMse);
  expect_error(ErrorKind::kUsage, {"observer", "\"minimax\"", "percentile"},
               [] { find_range_observer("minimax"); });
}

ActivationContext context_of(const ActivationStatistics& statistics, ThreadPool& pool, ActivationForm form) {
  ActivationContext context{.statistics = statistics, .norm = "input_layernorm"};
  context.pool = &pool;
  context.form = form;
  return context;
}

TEST(HeldForm, ReplacesThePolicysAndKeepsItsEqualization) {
  ThreadPool pool(1);
  const ActivationStatistics statistics{.channel_max = {37.1f, 0.0f, 2.0f}, .tokens = 1};
  const struct {
    ActivationForm form;
    ActivationMode mode;
    const char* reason;
  } cases[] = {
      {ActivationForm::kByMethod, ActivationMode::kStaticTensor, "static per tensor"},
      {ActivationForm::kStatic, ActivationMode::kStaticTensor, "static per tensor"},
      {ActivationForm::kToken, ActivationMode::kDynamicToken, "; the scheme wants it per token"},
      {ActivationForm::kFloat, ActivationMode::kFloat, "; the scheme wants it not quantized"},
  };
  const ActivationPlan chosen = fptq_policy(context_of(statistics, pool, ActivationForm::kByMethod));
  for (const auto& c : cases) {
    const ActivationContext context = context_of(statistics, pool, c.form);
    ActivationPlan plan = fptq_policy(context);
    hold(context, plan);
    EXPECT_EQ(plan.spec.mode, c.mode);
    EXPECT_EQ(plan.equalization, chosen.equalization);
    EXPECT_TRUE(plan.reason.ends_with(c.reason)) << plan.reason;
    EXPECT_EQ(plan.spec == chosen.spec, c.mode == ActivationMode::kStaticTensor);
  }
}

TEST(HeldForm, GivesAPlanWithoutFormTheOneThatIsAskedFor) {
  ThreadPool pool(1);
  const ActivationStatistics statistics{.channel_max = {254.0f, 2.0f}, .tokens = 1};
  ActivationContext context = context_of(statistics, pool, ActivationForm::kStatic);
  ActivationPlan plan = plain_policy(context);
  hold(context, plan);
  EXPECT_EQ(plan.spec, (ActivationSpec{ActivationMode::kStaticTensor, true, 2.0f, 0}));
  EXPECT_EQ(plan.reason, "static per tensor");
  EXPECT_EQ(plan.v, 254.0);
}

TEST(HeldForm, CodesAreOfTheTypeThatIsAskedFor) {
  ThreadPool pool(1);
  const ActivationStatistics statistics{.channel_max = {448.0f, 2.0f}, .tokens = 1};
  ActivationContext context = context_of(statistics, pool, ActivationForm::kStatic);
  context.input.bits = 4;
  EXPECT_EQ(static_spec(context, {})->scale, 64.0f);
  context.input = {.type = CodeType::kFloat8E4M3};
  EXPECT_EQ(static_spec(context, {})->scale, 1.0f);
  context.form = ActivationForm::kToken;
  ActivationPlan plan = plain_policy(context);
  hold(context, plan);
  EXPECT_EQ(plan.spec.type, CodeType::kFloat8E4M3);
  EXPECT_EQ(plan.spec.mode, ActivationMode::kDynamicToken);
  context.form = ActivationForm::kFloat;
  hold(context, plan);
  EXPECT_EQ(plan.spec, ActivationSpec{});
}

TEST(HeldForm, AStaticFormWithoutScaleIsPerToken) {
  ThreadPool pool(1);
  const ActivationStatistics silent{.channel_max = {0.0f}, .tokens = 1};
  const ActivationContext context = context_of(silent, pool, ActivationForm::kStatic);
  ActivationPlan plan = plain_policy(context);
  hold(context, plan);
  EXPECT_EQ(plan.spec.mode, ActivationMode::kDynamicToken);
  EXPECT_EQ(plan.reason, "no static scale: per token");
}

}  // namespace
}  // namespace fptq
