#include "api/evaluation_text.h"

#include <gtest/gtest.h>

#include "api/held_out_text.h"
#include "expect_error.h"
#include "formats/checkpoint.h"
#include "temp_folder.h"

namespace fptq {
namespace {

class EvaluationText : public testing::Test {
 protected:
  const Checkpoint model = open_checkpoint(FPTQ_SOURCE_DIR "/data/stories260k");
  const TempFolder folder;
};

TEST_F(EvaluationText, IsTheOneInTheProgramWhereNoneIsNamed) {
  const std::string path = folder.write("text", "Once upon a time there was a dog.").string();
  EXPECT_EQ(evaluation_text(""), held_out_text());
  EXPECT_EQ(evaluation_text(path), "Once upon a time there was a dog.");
  EXPECT_EQ(evaluation_text_name(path), path);
}

TEST_F(EvaluationText, TokensAreTheFirstOnes) {
  const std::vector<int32_t> all = evaluation_tokens(*model.tokenizer, "", 0),
                             some = evaluation_tokens(*model.tokenizer, "", 10);
  EXPECT_EQ(all, model.tokenizer->encode(std::string(held_out_text())));
  EXPECT_EQ(some, std::vector<int32_t>(all.begin(), all.begin() + 10));
}

TEST_F(EvaluationText, WhatGivesNoPredictionIsRefused) {
  expect_error(ErrorKind::kUsage, {"--max-tokens", "negative"},
               [&] { evaluation_tokens(*model.tokenizer, "", -1); });
  const std::string path = folder.write("text", "Once upon a time").string();
  expect_error(ErrorKind::kBadModel, {path, "has 1 tokens, at least 2"},
               [&] { evaluation_tokens(*model.tokenizer, path, 1); });
}

TEST(WholeWindows, DropsWhatIsLeft) {
  const std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(whole_windows(ids, 3), (TokenWindows{{1, 2, 3}, {4, 5, 6}}));
  EXPECT_EQ(whole_windows(ids, 7), (TokenWindows{ids}));
  EXPECT_EQ(whole_windows(ids, 8), TokenWindows{});
}

}  // namespace
}  // namespace fptq
