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
