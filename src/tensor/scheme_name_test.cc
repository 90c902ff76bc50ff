#include "tensor/scheme_name.h"

#include <gtest/gtest.h>

namespace fptq {
namespace {

TEST(SchemeName, OfWeights) {
  EXPECT_EQ(scheme_name(WeightSpec{4, 64, true}), "int4 g64 sym");
  EXPECT_EQ(scheme_name(WeightSpec{8, 0, false}), "int8 row asym");
  EXPECT_EQ(scheme_name(WeightSpec{.bits = 8, .per_tensor = true}), "int8 tensor sym");
  EXPECT_EQ(scheme_name(WeightSpec{3, 64, true}), "int3 g64 sym");
  EXPECT_EQ(scheme_name(WeightSpec{.bits = 8, .type = CodeType::kFloat8E4M3}), "fp8_e4m3 channel");
  EXPECT_EQ(scheme_name(WeightSpec{.bits = 8, .type = CodeType::kFloat8E5M2, .per_tensor = true}),
            "fp8_e5m2 tensor");
  const WeightSpec nf4{.bits = 4, .group_size = 64, .type = CodeType::kNormalFloat4};
  EXPECT_EQ(scheme_name(nf4), "nf4 g64");
  EXPECT_EQ(
      scheme_name(WeightSpec{.bits = 4, .group_size = 64, .type = CodeType::kNormalFloat4, .nested = true}),
      "nf4 g64 dq");
}

TEST(SchemeName, OfInputs) {
  EXPECT_EQ(scheme_name(ActivationSpec{}), "");
  EXPECT_EQ(scheme_name(ActivationSpec{.mode = ActivationMode::kDynamicToken}), "token");
  EXPECT_EQ(scheme_name(ActivationSpec{.mode = ActivationMode::kStaticTensor, .scale = 0.125f, .bits = 4}),
            "int4 static 0.125");
  EXPECT_EQ(scheme_name(ActivationSpec{.mode = ActivationMode::kDynamicToken, .type = CodeType::kFloat8E4M3}),
            "fp8 token");
}

}  // namespace
}  // namespace fptq
