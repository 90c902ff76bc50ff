#include "quant/bit_budget/allocate_bits.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "expect_error.h"

namespace fptq {
namespace {

using Items = std::vector<std::vector<SizedForm>>;

int64_t bytes_of(const Items& items, const std::vector<size_t>& chosen) {
  int64_t bytes = 0;
  for (size_t i = 0; i < items.size(); ++i) bytes += items[i][chosen[i]].bytes;
  return bytes;
}

double cost_of(const Items& items, const std::vector<size_t>& chosen) {
  double cost = 0;
  for (size_t i = 0; i < items.size(); ++i) cost += items[i][chosen[i]].cost;
  return cost;
}

// By trying everything.
double least_cost(const Items& items, int64_t budget) {
  double least = std::numeric_limits<double>::infinity();
  std::vector<size_t> chosen(items.size());
  for (;;) {
    if (bytes_of(items, chosen) <= budget) least = std::min(least, cost_of(items, chosen));
    size_t i = 0;
    while (i < items.size() && ++chosen[i] == items[i].size()) chosen[i++] = 0;
    if (i == items.size()) return least;
  }
}

TEST(AllocateBits, IsTheBestOfAllChoices) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    Items items(7);
    int64_t least = 0, most = 0;
    for (auto& forms : items) {
      forms.push_back(
          {static_cast<int64_t>(50 + random() % 50), 1.0 + 1e-3 * static_cast<double>(random() % 1000)});
      forms.push_back({forms[0].bytes + static_cast<int64_t>(1 + random() % 90), forms[0].cost * 0.5});
      if (random() % 2 == 0)
        forms.push_back({forms[1].bytes + static_cast<int64_t>(1 + random() % 90), forms[0].cost * 0.01});
      least += forms.front().bytes;
      most += forms.back().bytes;
    }
    const int64_t budget = least + static_cast<int64_t>(random() % static_cast<uint64_t>(most - least + 20));
    const std::vector<size_t> chosen = allocate_bits(items, budget);
    EXPECT_LE(bytes_of(items, chosen), budget);
    EXPECT_NEAR(cost_of(items, chosen), least_cost(items, budget), 1e-12);
  }
}

TEST(AllocateBits, HoldsBudgetsOfManyBytesAndLeavesLittle) {
  Items items;
  for (int64_t i = 0; i < 100; ++i)
    items.push_back({{1'000'000'007, 1.0 + 0.01 * static_cast<double>(i)}, {2'000'000'011 + i, 0.0}});
  const int64_t budget = 150 * int64_t{1'000'000'007};
  const std::vector<size_t> chosen = allocate_bits(items, budget);
  EXPECT_LE(bytes_of(items, chosen), budget);
  // 50 would fit by a hair; rounding may cost one of them.
  EXPECT_GE(bytes_of(items, chosen), budget - 1'000'000'100);
  EXPECT_EQ(chosen.front(), 0u);
  EXPECT_EQ(chosen.back(), 1u);
}

TEST(AllocateBits, SpendsNothingOnNothing) {
  const Items items = {{{10, 1.0}, {20, 1.0}}, {{10, 2.0}, {20, 1.0}}};
  EXPECT_EQ(allocate_bits(items, std::numeric_limits<int64_t>::max()), (std::vector<size_t>{0, 1}));
  EXPECT_EQ(allocate_bits(items, 20), (std::vector<size_t>{0, 0}));
  EXPECT_TRUE(allocate_bits({}, 0).empty());
}

TEST(AllocateBits, SaysWhatIsTooLittle) {
  expect_error(ErrorKind::kUsage, {"21 bytes", "20"}, [] {
    allocate_bits(Items{{{10, 1.0}}, {{11, 1.0}}}, 20);
  });
}

}  // namespace
}  // namespace fptq
