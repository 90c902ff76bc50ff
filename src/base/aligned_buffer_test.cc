#include "base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace fptq {
namespace {

TEST(AlignedBuffer, IsAlignedAndCanBeZeroed) {
  AlignedBuffer<float> b(7);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(b.data()) % 64, 0u);
  b.zero();
  for (const float v : b) EXPECT_EQ(v, 0.0f);
  EXPECT_EQ(b.size(), 7u);
}

TEST(AlignedBuffer, MovedFromIsEmptyAndCanGrowAgain) {
  AlignedBuffer<int> a(8);
  const AlignedBuffer<int> b = std::move(a);
  EXPECT_EQ(b.size(), 8u);
  EXPECT_TRUE(a.empty());
  a.ensure(4);
  ASSERT_NE(a.data(), nullptr);
  a[3] = 1;
  AlignedBuffer<int> c;
  c = std::move(a);
  EXPECT_TRUE(a.empty());
  EXPECT_EQ(c[3], 1);
}

TEST(AlignedBuffer, EnsureOnlyGrows) {
  AlignedBuffer<char> b(10);
  const char* before = b.data();
  b.ensure(5);
  EXPECT_EQ(b.data(), before);
  b.ensure(11);
  EXPECT_EQ(b.size(), 11u);
}

TEST(AlignedBuffer, RefusesSizesThatOverflow) {
  EXPECT_THROW(AlignedBuffer<double>(SIZE_MAX / 4), std::bad_alloc);
  EXPECT_THROW(AlignedBuffer<char>(SIZE_MAX), std::bad_alloc);
}

}  // namespace
}  // namespace fptq
