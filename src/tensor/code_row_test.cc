#include "tensor/code_row.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace fptq {
namespace {

std::vector<uint32_t> words_of(const std::vector<int8_t>& codes, int bits) {
  std::vector<uint32_t> words(static_cast<size_t>(packed_row_bytes(std::ssize(codes), bits)) / 4,
                              0xffffffffu);
  write_code_row(codes, bits, reinterpret_cast<std::byte*>(words.data()));
  return words;
}

// Literal values: compressed-tensors' pack_to_int32.
TEST(CodeRow, MatchesTheWordsOfTheLibrary) {
  EXPECT_EQ(words_of({-4, -3, -2, -1, 0, 1, 2, 3, -4, -3, -2, -1}, 3),
            (std::vector<uint32_t>{0x88FAC688u, 0x00000006u}));
  EXPECT_EQ(words_of({1, 2, 3, 4, 5, 6, 7, 0}, 4), (std::vector<uint32_t>{0x8FEDCBA9u}));
}

TEST(CodeRow, ComesBackFromAnyColumnOn) {
  std::mt19937 random(3);
  for (const int bits : {3, 4, 8}) {
    for (size_t n = 1; n < 70; ++n) {
      std::vector<int8_t> codes(n);
      for (int8_t& c : codes)
        c = static_cast<int8_t>(static_cast<int>(random() % (1u << bits)) - (1 << (bits - 1)));
      const int64_t bytes = bits == 8 ? std::ssize(codes) : packed_row_bytes(std::ssize(codes), bits);
      std::vector<std::byte> row(
          static_cast<size_t>(bytes));  // of that size, so that reading beyond it shows
      write_code_row(codes, bits, row.data());
      for (size_t begin = 0; begin < n; begin += 7) {
        std::vector<int8_t> back(n - begin);
        read_code_row(row.data(), bits, static_cast<int64_t>(begin), back);
        ASSERT_EQ(0, std::memcmp(back.data(), codes.data() + begin, back.size())) << bits << " " << n;
      }
    }
  }
}

}  // namespace
}  // namespace fptq
