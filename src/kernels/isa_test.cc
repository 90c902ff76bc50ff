#include "kernels/isa.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "fptq/error.h"

namespace fptq::kernels {
namespace {

TEST(Isa, PortableRunsEverywhereAndTheListAscends) {
  const auto supported = supported_isas();
  ASSERT_FALSE(supported.empty());
  EXPECT_EQ(supported.front(), Isa::kPortable);
  EXPECT_TRUE(std::is_sorted(supported.begin(), supported.end()));
  EXPECT_NE(std::find(supported.begin(), supported.end(), active_isa()), supported.end());
}

TEST(Isa, NamesAreReadBack) {
  for (const Isa isa : supported_isas()) EXPECT_EQ(parse_isa(isa_name(isa)), isa);
}

TEST(Isa, UnknownNameIsAUsageErrorThatListsTheKnown) {
  for (const char* name : {"", "AVX2", "avx", "sse2", "avx512vnni "}) {
    try {
      parse_isa(name);
      FAIL() << "accepted '" << name << "'";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kUsage);
      EXPECT_EQ(e.where(), "FPTQ_ISA");
      EXPECT_THAT(e.fix(), ::testing::HasSubstr("portable"));
    }
  }
}

}  // namespace
}  // namespace fptq::kernels
