#include "tasks/python_random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fptq {
namespace {

using testing::ElementsAre;

// CPython 3.11: r = random.Random(seed); r.sample(range(n), k), one after the other.
TEST(PythonRandom, SamplesAsPythonDoes) {
  PythonRandom r(1234);
  EXPECT_THAT(r.sample(7, 2), ElementsAre(6, 3));
  EXPECT_THAT(r.sample(30, 2), ElementsAre(3, 0));
  EXPECT_THAT(r.sample(30, 6), ElementsAre(2, 25, 18, 1, 21, 22));
  EXPECT_THAT(r.sample(84, 6), ElementsAre(10, 12, 45, 30, 2, 3));
  EXPECT_THAT(r.sample(86, 6), ElementsAre(2, 44, 82, 79, 61, 78));
  EXPECT_THAT(r.sample(100000, 5), ElementsAre(60758, 19471, 11965, 23998, 93508));
  EXPECT_THAT(r.sample(5, 5), ElementsAre(0, 4, 2, 1, 3));
  EXPECT_THAT(r.sample(1, 1), ElementsAre(0));
}

TEST(PythonRandom, SeedsOfMoreThan32Bits) {
  EXPECT_THAT(PythonRandom(0ull).sample(1000, 4), ElementsAre(864, 394, 776, 911));
  EXPECT_THAT(PythonRandom(4294967301ull).sample(1000, 4), ElementsAre(161, 497, 289, 911));
  EXPECT_THAT(PythonRandom(18446744073709551615ull).sample(1000, 4), ElementsAre(22, 254, 346, 633));
}

}  // namespace
}  // namespace fptq
