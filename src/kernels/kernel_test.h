// What the kernels' tests share: one test body for every ISA, random data, comparison of bits.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/isa.h"

namespace fptq::kernels {

// A test of this kind runs once per ISA; it is skipped where the machine lacks it.
class KernelTest : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    const auto supported = supported_isas();
    if (std::find(supported.begin(), supported.end(), GetParam()) == supported.end()) {
      GTEST_SKIP() << "this machine cannot run " << isa_name(GetParam());
    }
  }
};

#define FPTQ_FOR_EVERY_ISA(suite)                                                           \
  INSTANTIATE_TEST_SUITE_P(                                                                 \
      Isa, suite,                                                                           \
      ::testing::Values(::fptq::kernels::Isa::kPortable, ::fptq::kernels::Isa::kAvx2,       \
                        ::fptq::kernels::Isa::kAvx512Vnni, ::fptq::kernels::Isa::kAmxInt8), \
      [](const auto& param) { return std::string(::fptq::kernels::isa_name(param.param)); })

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}

  int integer(int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine_); }
  float real(float low, float high) { return std::uniform_real_distribution<float>(low, high)(engine_); }
  std::vector<float> reals(int64_t n, float low = -1.0f, float high = 1.0f) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& x : v) x = real(low, high);
    return v;
  }

 private:
  std::mt19937 engine_;
};

// Bit patterns, so that -0 differs from 0; two NaNs count as equal.
inline std::vector<uint32_t> bits(const std::vector<float>& v) {
  std::vector<uint32_t> b(v.size());
  for (size_t i = 0; i < v.size(); ++i) b[i] = v[i] != v[i] ? 0x7fc00000u : std::bit_cast<uint32_t>(v[i]);
  return b;
}

}  // namespace fptq::kernels
