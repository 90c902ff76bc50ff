#include "eval/perplexity.h"

#include <gtest/gtest.h>

#include "fptq/error.h"

namespace fptq {
namespace {

TEST(WindowLength, DefaultIsTheFallbackOrTheModelsMaximum) {
  EXPECT_EQ(window_length(0, 2048, 8192), 2048);
  EXPECT_EQ(window_length(0, 2048, 512), 512);
}

TEST(WindowLength, RequestIsTakenOrRefusedNeverChanged) {
  EXPECT_EQ(window_length(512, 2048, 512), 512);
  EXPECT_EQ(window_length(2, 2048, 512), 2);
  for (const int64_t bad : {-1, 1, 513}) {
    try {
      window_length(bad, 2048, 512);
      ADD_FAILURE() << bad << " was taken";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kUsage);
    }
  }
}

}  // namespace
}  // namespace fptq
