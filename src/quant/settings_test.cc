#include "quant/settings.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expect_error.h"
#include "quant/method.h"

namespace fptq {
namespace {

void expect_refused(const std::vector<std::string>& words,
                    const std::function<void(QuantizeOptions&)>& change) {
  QuantizeOptions options;
  change(options);
  expect_error(ErrorKind::kUsage, words, [&] { check_options(options); });
}

TEST(Settings, DefaultsAndLimitsAreAccepted) {
  QuantizeOptions options;
  check_options(options);
  options.weight_bits = 8;
  options.group_size = -1;
  options.static_threshold = options.dynamic_threshold = 0.0;
  check_options(options);
  options.dynamic_threshold = std::numeric_limits<double>::infinity();
  check_options(options);
}

TEST(Settings, WhatMakesNoSenseIsRefused) {
  expect_refused({"method", "\"ftpq\"", "fptq, rtn"}, [](auto& o) { o.method = "ftpq"; });
  for (const int bits : {0, 9, 3, -4})
    expect_refused({"weight bits", "4 or 8"}, [&](auto& o) { o.weight_bits = bits; });
  expect_refused({"--group-size"}, [](auto& o) { o.group_size = 0; });
  expect_refused({"thresholds"}, [](auto& o) { o.static_threshold = std::nan(""); });
  expect_refused({"thresholds"}, [](auto& o) { o.dynamic_threshold = std::nan(""); });
  expect_refused({"thresholds"}, [](auto& o) { o.static_threshold = -1; });
  expect_refused({"thresholds", "200", "150"}, [](auto& o) { o.static_threshold = 200; });
  expect_refused({"dtype", "int8", "bf16"}, [](auto& o) { o.dtype = "int8"; });
}

TEST(Settings, WhatSchemeAndMethodContradictIsRefused) {
  expect_refused({"scheme", "\"w2a2\"", "w4a8, "}, [](auto& o) { o.scheme = "w2a2"; });
  for (const char* scheme : {"w8a16", "w4a8-token"}) {
    expect_refused({"method", "static", scheme}, [&](auto& o) {
      o.method = "static";
      o.scheme = scheme;
    });
  }
  expect_refused({"observer", "mse", "w4a8-static"}, [](auto& o) { o.observer = "mse"; });
  expect_refused({"observer", "\"most\""}, [](auto& o) { o.observer = "most"; });
  for (const double p : {0.0, 100.5, std::nan("")})
    expect_refused({"percentile"}, [&](auto& o) { o.percentile = p; });
  for (const double a : {-0.5, 1.5, std::nan("")}) expect_refused({"alpha"}, [&](auto& o) { o.alpha = a; });
}

TEST(Settings, SchemeAndMethodSayTogetherWhatIsDone) {
  QuantizeOptions o;
  EXPECT_EQ(weight_spec(o, 512), (WeightSpec{4, 128, true}));
  EXPECT_EQ(activation_form(o), ActivationForm::kByMethod);
  o.scheme = "w8a16";
  EXPECT_EQ(weight_spec(o, 512), (WeightSpec{8, 0, true}));
  EXPECT_FALSE(group_size(o, 512).fell_back);
  EXPECT_EQ(activation_form(o), ActivationForm::kFloat);
  o.group_size = 64;
  o.symmetric = false;
  EXPECT_EQ(weight_spec(o, 512), (WeightSpec{8, 64, false}));
  o.weight_bits = 4;
  EXPECT_EQ(weight_spec(o, 100), (WeightSpec{4, 0, false}));
  EXPECT_TRUE(group_size(o, 100).fell_back);

  o = {};
  o.method = "rtn";
  EXPECT_FALSE(needs_calibration(o));
  o.scheme = "w8a8-static";
  EXPECT_TRUE(needs_calibration(o)) << "static scales come from data";
  EXPECT_EQ(statistics_needs(o).sample_tokens, 0);
  o.observer = "percentile";
  EXPECT_GT(statistics_needs(o).sample_tokens, 0);
  o.scheme = "w8a8";
  o.method = "static";
  EXPECT_EQ(activation_form(o), ActivationForm::kStatic);
  check_options(o);
}

TEST(Settings, OutputTypeFollowsTheSource) {
  QuantizeOptions options;
  ModelConfig config;
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    config.dtype = dtype;
    EXPECT_EQ(resolve_output_dtype(options, config), dtype);
  }
  config.dtype = DType::kQ4_1;
  EXPECT_EQ(resolve_output_dtype(options, config), DType::kBF16);
  options.dtype = "f16";
  EXPECT_EQ(resolve_output_dtype(options, config), DType::kF16);
}

TEST(Methods, EveryRowIsFoundByItsName) {
  for (const Method& m : methods()) EXPECT_EQ(&find_method(m.name), &m);
  EXPECT_TRUE(find_method("fptq").needs_calibration);
  EXPECT_FALSE(find_method("rtn").needs_calibration);
}

}  // namespace
}  // namespace fptq
