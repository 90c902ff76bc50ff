#include "quant/group_size.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace fptq {
namespace {

TEST(GroupSize, FallsBackTo64ThenTo32ThenToTheRow) {
  const auto expect = [](int64_t cols, int64_t wanted, int64_t size, bool fell_back) {
    const GroupSize g = resolve_group_size(cols, wanted);
    EXPECT_EQ(g.size, size) << cols << " by " << wanted;
    EXPECT_EQ(g.fell_back, fell_back) << cols << " by " << wanted;
  };
  expect(4096, 128, 128, false);
  expect(576, 128, 64, true);
  expect(96, 128, 32, true);
  expect(172, 128, 0, true);
  expect(64, 128, 64, true);
  expect(96, 64, 32, true);
  expect(64, 48, 32, true);  // never coarser than asked for
  expect(64, 32, 32, false);
  expect(24, 16, 0, true);
  expect(128, 128, 128, false);
  expect(577, -1, 0, false);
  expect(1, 16, 0, true);
}

TEST(GroupSize, OthersAreRefused) {
  for (const int64_t bad :
       {int64_t{0}, int64_t{-2}, int64_t{3}, int64_t{8}, int64_t{100}, int64_t{1} << 31, INT64_MIN}) {
    expect_error(ErrorKind::kUsage, {"--group-size", std::to_string(bad), "multiple of 16", "-1"},
                 [&] { check_group_size(bad); });
  }
}

}  // namespace
}  // namespace fptq
