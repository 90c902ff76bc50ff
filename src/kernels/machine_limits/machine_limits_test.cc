#include "kernels/machine_limits/machine_limits.h"

#include <cstring>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/kernel_test.h"
#include "kernels/machine_limits/limit_loops.h"

namespace fptq::kernels {
namespace {

class LimitLoopsTest : public KernelTest {};

TEST_P(LimitLoopsTest, ReadingSumsEveryWord) {
  Random random(1);
  for (const size_t blocks : {size_t{0}, size_t{1}, size_t{2}, size_t{7}, size_t{100}}) {
    AlignedBuffer<uint64_t> words(blocks * kReadBlock / 8 + 1);
    uint64_t expected = 0;
    for (size_t i = 0; i < words.size(); ++i) {
      words[i] = static_cast<uint64_t>(random.integer(0, 1 << 30)) << 34 | i;
      if (i + 1 < words.size()) expected += words[i];  // the word behind the end is not read
    }
    EXPECT_EQ(limit_loops(GetParam()).read(words.data(), blocks * kReadBlock), expected) << blocks;
  }
}

// A rate is only as true as the count of operations that it is made of.
TEST_P(LimitLoopsTest, LoopsDoTheOperationsThatAreCounted) {
  const LimitLoops& loops = limit_loops(GetParam());
  for (const int64_t rounds : {1, 2, 100}) {
    EXPECT_EQ(2 * static_cast<int64_t>(loops.multiply_add(rounds)), rounds * loops.multiply_add_operations);
    if (loops.int8_dot != nullptr) {
      EXPECT_EQ(2 * loops.int8_dot(rounds), rounds * loops.int8_dot_operations);
    }
  }
}

TEST_P(LimitLoopsTest, EveryThreadCountIsMeasured) {
  const std::vector<int> counts = {1, 3};
  const std::vector<MachineLimits> limits = measure_machine_limits(GetParam(), counts, 0);
  ASSERT_EQ(limits.size(), counts.size());
  for (size_t i = 0; i < counts.size(); ++i) {
    EXPECT_EQ(limits[i].threads, counts[i]);
    EXPECT_GT(limits[i].dram_read, 0.01);
    EXPECT_GT(limits[i].fp32_gflops, 0.01);
    EXPECT_EQ(limits[i].int8_tops > 0, GetParam() != Isa::kPortable);
  }
}

FPTQ_FOR_EVERY_ISA(LimitLoopsTest);

}  // namespace
}  // namespace fptq::kernels
