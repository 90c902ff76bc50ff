// Files keep packed images (formats/packed_file.h). If this test fails, the layout has changed: raise
// kIntImageVersion and put the new checksums here.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "kernels/int_gemm/int_gemm.h"

namespace fptq::kernels {
namespace {

// Values from a rule of their own, so that no library's random numbers change them.
LinearWeights layer(int bits, bool asymmetric) {
  LinearWeights w;
  w.rows = 70;
  w.cols = 96;
  w.spec = {bits, 24, !asymmetric};
  w.activation = {ActivationMode::kDynamicToken, !asymmetric, 0, 0};
  uint32_t state = 1;
  const auto next = [&] { return (state = state * 1664525u + 1013904223u) >> 24; };
  std::byte* data = nullptr;
  w.codes = Tensor::allocate(bits == 4 ? DType::kU8 : DType::kI8,
                             {w.rows, bits == 4 ? packed_row_bytes(w.cols) : w.cols}, &data);
  for (size_t i = 0; i < w.codes.bytes().size(); ++i) data[i] = static_cast<std::byte>(next());
  std::vector<float> values(static_cast<size_t>(w.rows * w.groups()));
  for (float& v : values) v = static_cast<float>(next() + 1) / 1024.0f;
  w.scales = Tensor::from_floats({w.rows, w.groups()}, values);
  if (asymmetric) {
    w.zero_points = Tensor::allocate(DType::kI8, {w.rows, w.groups()}, &data);
    for (size_t i = 0; i < values.size(); ++i)
      data[i] = static_cast<std::byte>(static_cast<int>(next() % 16) - 8);
    values.resize(static_cast<size_t>(w.rows));
    w.bias = Tensor::from_floats({w.rows}, values);
  }
  return w;
}

std::string images(Isa isa) {
  Hasher hasher;
  for (const int bits : {4, 8}) {
    for (const bool asymmetric : {false, true})
      hasher.add(int_gemm(isa).pack(layer(bits, asymmetric))->image());
  }
  return hasher.hex();
}

TEST(IntImageVersion, IsRaisedWhenTheLayoutChanges) {
  ASSERT_EQ(kIntImageVersion, 1);
  EXPECT_EQ(images(Isa::kPortable), "f822d50debd673506b8900666fd51ec2");
  EXPECT_EQ(images(Isa::kAvx2), "619663ab3f84fe6a66482f96544b7481");
  EXPECT_EQ(images(Isa::kAvx512Vnni), "2a7e76ea53808f0dd5b37f7dbb422283");
}

}  // namespace
}  // namespace fptq::kernels
