#include "tasks/encode_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "tokenizer/tokenizer.h"

namespace fptq {
namespace {

using testing::ElementsAre;

// Words "a", "b", "ab" and a space; "ab" is one token only when it is tokenized at once. <s> stands before
// every text.
constexpr const char* kTokenizer = R"({
  "added_tokens": [{"id": 0, "content": "<s>", "special": true, "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false}],
  "normalizer": null, "pre_tokenizer": null, "decoder": null,
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
  "model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1, "b": 2, "ab": 3, " ": 4},
            "merges": ["a b"]}})";

class EncodeRequest : public testing::Test {
 protected:
  TokenRequest encode(const std::string& context, const std::string& continuation, int64_t max_inputs = 100) {
    return encode_request(*tokenizer_, {context, continuation}, {.prefix = 0, .max_inputs = max_inputs},
                          "here");
  }
  std::shared_ptr<const Tokenizer> tokenizer_ = Tokenizer::from_json(kTokenizer, "tokenizer.json");
};

TEST_F(EncodeRequest, ContextAndContinuationAreTokenizedTogether) {
  // "ab" is one token, though the context ends in it; what is scored begins behind the context's two tokens.
  const TokenRequest request = encode("a", "b b");
  EXPECT_THAT(request.ids, ElementsAre(0, 3, 4, 2));
  EXPECT_EQ(request.scored_from, 2);
  EXPECT_FALSE(request.truncated);
}

TEST_F(EncodeRequest, SpacesAtTheContextsEndAreScored) {
  const TokenRequest moved = encode("bb ", "a"), written = encode("bb", " a");
  EXPECT_EQ(moved.ids, written.ids);
  EXPECT_EQ(moved.scored_from, written.scored_from);
}

TEST_F(EncodeRequest, EmptyContextIsTheBeginningToken) {
  const TokenRequest request = encode("", "b");
  EXPECT_THAT(request.ids, ElementsAre(0, 2));
  EXPECT_EQ(request.scored_from, 1);
  // A continuation that begins with it is not given another one.
  EXPECT_THAT(encode("", "<s>b").ids, ElementsAre(0, 2));
}

TEST_F(EncodeRequest, WrittenBosIsNotDoubled) {
  EXPECT_THAT(encode("<s>b", "b").ids, ElementsAre(0, 2, 2));
}

TEST_F(EncodeRequest, LongRequestsLoseTheirBeginning) {
  const TokenRequest request = encode("bbbbb", "bb", 4);
  EXPECT_THAT(request.ids, ElementsAre(2, 2, 2, 2, 2));
  EXPECT_EQ(request.inputs(), 4);
  EXPECT_EQ(request.scored_from, 3);
  EXPECT_TRUE(request.truncated);
}

TEST_F(EncodeRequest, WhatCannotBeScoredIsRefused) {
  expect_error(ErrorKind::kBadModel, {"here", "no token to score"}, [&] { encode("bb", ""); });
  expect_error(ErrorKind::kBadModel, {"here", "6 tokens", "4"}, [&] { encode("b", "bbbbbb", 4); });
}

}  // namespace
}  // namespace fptq
