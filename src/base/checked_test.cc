#include "base/checked.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "expect_error.h"

namespace fptq {
namespace {

TEST(Checked, ComputesWhatFits) {
  EXPECT_EQ(checked_mul<uint64_t>(1u << 31, 1u << 31, "f"), uint64_t{1} << 62);
  EXPECT_EQ(checked_add<uint64_t>(~uint64_t{0} - 1, 1, "f"), ~uint64_t{0});
  EXPECT_EQ(checked_mul<int64_t>(INT64_MIN, 1, "f"), INT64_MIN);
  EXPECT_EQ(checked_cast<uint8_t>(255, "f"), 255);
  EXPECT_EQ(checked_cast<int64_t>(~uint32_t{0}, "f"), 4294967295);
}

TEST(Checked, RefusesWhatDoesNot) {
  expect_error(ErrorKind::kBadModel, {"f:t", "4294967296 x 4294967296"},
               [] { checked_mul<uint64_t>(uint64_t{1} << 32, uint64_t{1} << 32, "f:t"); });
  expect_error(ErrorKind::kBadModel, {"+ 1"}, [] { checked_add<uint64_t>(~uint64_t{0}, 1, "f"); });
  expect_error(ErrorKind::kBadModel, {"x -1"}, [] { checked_mul<int64_t>(INT64_MIN, -1, "f"); });
  expect_error(ErrorKind::kBadModel, {"256"}, [] { checked_cast<uint8_t>(256, "f"); });
  expect_error(ErrorKind::kBadModel, {"-1"}, [] { checked_cast<uint64_t>(-1, "f"); });
  expect_error(ErrorKind::kBadModel, {"9223372036854775808"},
               [] { checked_cast<int64_t>(uint64_t{1} << 63, "f"); });
}

}  // namespace
}  // namespace fptq
