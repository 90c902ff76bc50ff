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
  for (const int bits : {0, 9, 5, -4})
    expect_refused({"weight bits", "3, 4 or 8"}, [&](auto& o) { o.weight_bits = bits; });
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
  for (const char* method : {"gptq", "awq"}) {
    expect_refused({"method", method, "fp8", "rtn"}, [&](auto& o) {
      o.method = method;
      o.scheme = "fp8";
    });
  }
  for (const char* scheme : {"fp8", "nf4"}) {
    EXPECT_STREQ(method_of({.method = "auto", .scheme = scheme}).name, "rtn");
    expect_refused({scheme, "zero points"}, [&](auto& o) {
      o.scheme = scheme;
      o.symmetric = false;
    });
    expect_refused({scheme, "bits"}, [&](auto& o) {
      o.scheme = scheme;
      o.weight_bits = 8;
    });
  }
  for (const char* method : {"gptq", "awq"}) {
    expect_refused({"per tensor", method, "rtn"}, [&](auto& o) {
      o.method = method;
      o.per_tensor = true;
    });
  }
  for (const int64_t size : {int64_t{-1}, int64_t{16}, int64_t{96}, int64_t{8192}}) {
    expect_refused({"--group-size", "nf4", "powers of two"}, [&](auto& o) {
      o.scheme = "nf4";
      o.group_size = size;
    });
  }
  expect_refused({"per tensor", "nf4"}, [](auto& o) {
    o.scheme = "nf4";
    o.per_tensor = true;
  });
  expect_refused({"per tensor", "group"}, [](auto& o) {
    o.group_size = 64;
    o.per_tensor = true;
  });
  expect_refused({"head", "\"int3\""}, [](auto& o) { o.head = "int3"; });
  expect_refused({"head", "nf4"}, [](auto& o) {
    o.scheme = "nf4";
    o.head = "int8";
  });
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
  o.scheme = "nf4";
  EXPECT_EQ(weight_spec(o, 100),
            (WeightSpec{.bits = 4, .group_size = 64, .type = CodeType::kNormalFloat4, .nested = true}));
  o.scheme = "fp8-static";
  EXPECT_EQ(weight_spec(o, 100), (WeightSpec{.bits = 8, .type = CodeType::kFloat8E4M3}));
  o.scheme = "w3a16";
  EXPECT_EQ(weight_spec(o, 256), (WeightSpec{3, 128, true}));

  o.per_tensor = true;
  EXPECT_EQ(weight_spec(o, 256), (WeightSpec{.bits = 3, .per_tensor = true}));
  EXPECT_EQ(head_weight_spec(o, 64), std::nullopt);

  o = {};
  o.scheme = "w4a8-llama";
  EXPECT_EQ(weight_spec(o, 256), (WeightSpec{4, 32, true}));
  EXPECT_EQ(head_weight_spec(o, 64), (WeightSpec{8, 0, true}));
  EXPECT_EQ(activation_form(o), ActivationForm::kToken);
  o.head = "keep";
  EXPECT_EQ(head_weight_spec(o, 64), std::nullopt);
  o.head = "int4";
  EXPECT_EQ(head_weight_spec(o, 64), (WeightSpec{4, 32, true}));

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
