#include "kernels/dense_gemv/dense_gemv.h"

#include <cmath>

#include "base/half.h"
#include "kernels/kernel_test.h"
#include "tensor/dtype.h"

namespace fptq::kernels {
namespace {

constexpr DType kTypes[] = {DType::kF32, DType::kF16, DType::kBF16};

// The contract's order: element k to lane k mod 16, then 8+8, 4+4, 2+2, 1+1.
float dot_in_lanes(const float* w, const float* x, int64_t k) {
  float lanes[16] = {};
  for (int64_t i = 0; i < k; ++i) {
    const float product = w[i] * x[i];
    lanes[i % 16] += product;
  }
  for (int half = 8; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

class DenseGemvTest : public KernelTest {};

TEST_P(DenseGemvTest, EveryTypeAndShape) {
  Random random(1);
  for (const DType type : kTypes) {
    const DenseGemv gemv = dense_gemv(GetParam(), type);
    ASSERT_NE(gemv, nullptr);
    for (const int64_t k : {1, 8, 15, 16, 17, 48, 64, 100, 172, 576}) {
      const int64_t rows = 11, bytes_each = static_cast<int64_t>(dtype_info(type).block_bytes);
      const std::vector<float> values = random.reals(rows * k);
      // One byte off: rows of a mapped file need not be aligned.
      std::vector<std::byte> storage(static_cast<size_t>(rows * k * bytes_each + 1));
      std::byte* w = storage.data() + 1;
      encode_row(type, values.data(), w, rows * k);
      std::vector<float> decoded(values.size());
      decode_row(type, w, decoded.data(), rows * k);
      for (const int64_t m : {1, 2, 3, 4, 5, 8, 9, 16}) {
        const std::vector<float> x = random.reals(m * k);
        for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, rows}, {3, 9}, {5, 5}, {10, 11}}) {
          std::vector<float> y(static_cast<size_t>(m * (rows + 1)), -7.0f), expected = y;
          for (int64_t t = 0; t < m; ++t) {
            for (int64_t r = begin; r < end; ++r) {
              expected[t * (rows + 1) + r] = dot_in_lanes(decoded.data() + r * k, x.data() + t * k, k);
            }
          }
          gemv(w, k, begin, end, x.data(), m, y.data(), rows + 1);
          ASSERT_EQ(bits(y), bits(expected)) << dtype_info(type).name << " k " << k << " m " << m;
        }
      }
    }
  }
}

TEST_P(DenseGemvTest, OtherTypesHaveNoKernel) {
  EXPECT_EQ(dense_gemv(GetParam(), DType::kQ8_0), nullptr);
  EXPECT_EQ(dense_gemv(GetParam(), DType::kI8), nullptr);
  EXPECT_EQ(expand_row(GetParam(), DType::kF32), nullptr);
  EXPECT_EQ(expand_row(GetParam(), DType::kQ4_0), nullptr);
}

// All 65536 values of a type: subnormals, infinities and NaNs among them.
TEST_P(DenseGemvTest, ExpandsEveryValue) {
  for (const DType type : {DType::kF16, DType::kBF16}) {
    std::vector<uint16_t> all(65536 + 1);
    for (int i = 0; i < 65536; ++i) all[i] = static_cast<uint16_t>(i);
    const auto n = static_cast<int64_t>(all.size());
    std::vector<float> y(all.size());
    expand_row(GetParam(), type)(reinterpret_cast<const std::byte*>(all.data()), y.data(), n);
    for (size_t i = 0; i < all.size(); ++i) {
      const float expected = type == DType::kF16 ? f16_to_float(all[i]) : bf16_to_float(all[i]);
      if (std::isnan(expected)) {
        EXPECT_TRUE(std::isnan(y[i]));
      } else {
        ASSERT_EQ(std::bit_cast<uint32_t>(y[i]), std::bit_cast<uint32_t>(expected)) << all[i];
      }
    }
  }
}

TEST_P(DenseGemvTest, ExpandsEveryLength) {
  Random random(2);
  for (int64_t n = 0; n <= 50; ++n) {
    const std::vector<float> x = random.reals(n);
    std::vector<std::byte> half(static_cast<size_t>(2 * n));
    encode_row(DType::kF16, x.data(), half.data(), n);
    std::vector<float> expected(x.size() + 1, -7.0f), y = expected;
    decode_row(DType::kF16, half.data(), expected.data(), n);
    expand_row(GetParam(), DType::kF16)(half.data(), y.data(), n);
    EXPECT_EQ(bits(y), bits(expected)) << n;
  }
}

FPTQ_FOR_EVERY_ISA(DenseGemvTest);

}  // namespace
}  // namespace fptq::kernels
