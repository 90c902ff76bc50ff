#include "base/hash.h"

#include <gtest/gtest.h>

namespace fptq {
namespace {

// XXH3-128 of "" and "abc", as xxhsum -H2 prints them.
TEST(Hash, IsXxh3OfOneHundredTwentyEightBits) {
  EXPECT_EQ(Hasher().hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(Hasher().add("abc").hex(), "06b05ab6733a618578af5f94892f3950");
}

TEST(Hash, DoesNotDependOnThePieces) {
  Hasher pieces;
  pieces.add("ab").add("").add("c");
  EXPECT_EQ(pieces.hex(), Hasher().add("abc").hex());
  EXPECT_NE(pieces.hex(), Hasher().add("abd").hex());
}

}  // namespace
}  // namespace fptq
