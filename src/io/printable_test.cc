#include "io/printable.h"

#include <gtest/gtest.h>

namespace fptq {
namespace {

TEST(Printable, LeavesNamesAndEscapesControls) {
  EXPECT_EQ(printable("model.layers.0 \"é\""), "model.layers.0 \"é\"");
  EXPECT_EQ(printable("a\nb\x1b[2J\x7f"), "a\\x0ab\\x1b[2J\\x7f");
  EXPECT_EQ(printable("\xc2\x9b[2J"), "\xc2\\x9b[2J");
  EXPECT_EQ(printable(std::string(101, 'n')), std::string(100, 'n') + "...");
  EXPECT_EQ(where_in("f", "t\t"), "f:t\\x09");
}

}  // namespace
}  // namespace fptq
