#include "quant/tuning/adam.h"

#include <gtest/gtest.h>

#include <vector>

#include "quant/golden_data.h"

namespace fptq {
namespace {

TEST(Adam, StepsArePyTorchs) {
  const Json adam = golden("tuning.json")["adam"];
  std::vector<float> values(6), first(6), second(6);
  for (size_t step = 0; step < adam["rates"].size(); ++step) {
    const auto gradient = adam["gradients"][step].get<std::vector<float>>();
    adam_step({adam["rates"][step], static_cast<int64_t>(step)}, gradient.data(), 6, values.data(),
              first.data(), second.data());
    const auto after = adam["after"][step].get<std::vector<float>>();
    for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], after[i], 1e-8) << step << " " << i;
  }
}

}  // namespace
}  // namespace fptq
