#include "eval/text_cost.h"

#include <gtest/gtest.h>

namespace fptq {
namespace {

// Four tokens of two bits each, over two words and eight bytes.
TEST(TextCost, IsThatOfWordsAndBytes) {
  EvalResult result;
  result.perplexity = 4;
  result.tokens = 4;
  set_text_costs("one\n two", result);
  EXPECT_DOUBLE_EQ(result.word_perplexity, 16);
  EXPECT_DOUBLE_EQ(result.bits_per_byte, 1);
}

TEST(TextCost, OfNoWordsIsNotSet) {
  EvalResult result;
  result.perplexity = 4;
  result.tokens = 4;
  set_text_costs(" \n", result);
  EXPECT_EQ(result.word_perplexity, 0);
  EXPECT_EQ(result.bits_per_byte, 0);
}

}  // namespace
}  // namespace fptq
