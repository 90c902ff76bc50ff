// Texts that are hard on a tokenizer (docs/robustness.md, row 28), options, and use by several threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/file_io.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/unicode_normalize.h"
#include "tokenizer/utf8.h"

namespace fptq {
namespace {

using Ids = std::vector<int32_t>;

std::shared_ptr<const Tokenizer> golden_tokenizer(const std::string& name) {
  return Tokenizer::from_json(read_text_file(FPTQ_SOURCE_DIR "/tests/golden/tokenizer/" + name + ".json"),
                              name);
}

TEST(Utf8, ReplacesWhatPythonReplaces) {
  // bytes.decode("utf-8", errors="replace") of Python 3.11.
  const std::pair<std::string, std::string> cases[] = {
      {"a\xFFz", "a\uFFFDz"},
      {"\xC0\xAF", "\uFFFD\uFFFD"},
      {"\xE0\x80\xAF", "\uFFFD\uFFFD\uFFFD"},
      {"\xE2\x82", "\uFFFD"},
      {"\xE2\x82z", "\uFFFDz"},
      {"\xF0\x9F\x99", "\uFFFD"},
      {"\xF0\x9F\x99\x82", "🙂"},
      {"\xF0\x8F\x99\x82", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
      {"\x80", "\uFFFD"},
      {"\xF5", "\uFFFD"},
      {"12345678\xC3", "12345678\uFFFD"},
  };
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(utf8_lossy(bytes), text);
    EXPECT_EQ(is_valid_utf8(bytes), bytes == text);
  }
  const auto tokenizer = golden_tokenizer("stories260k");
  EXPECT_EQ(tokenizer->encode("a\xFFz"), tokenizer->encode("a\uFFFDz"));
}

TEST(HardTexts, MegabytesWithoutASpaceTakeSeconds) {
  const auto tokenizer = golden_tokenizer("stories260k");
  for (const std::string unit : {"a", " ", "the", "日", "\n", "zq"}) {
    std::string text;
    while (text.size() < (size_t{2} << 20)) text += unit;
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
  }
}

TEST(HardTexts, AMillionCombiningMarks) {
  std::string text = "a";
  for (int i = 0; i < 500'000; ++i) text += "\u0301\u0323";
  normalize_unicode(text, NormalizationForm::kNfc);
  EXPECT_TRUE(text.starts_with("\u1EA1\u0323"));  // a with dot below; the other dots come before the accents
  EXPECT_TRUE(text.ends_with("\u0301"));
  EXPECT_EQ(count_code_points(text), 1'000'000u);
}

TEST(EncodeOptions, SpecialTokensInTheTextCanBeText) {
  const auto tokenizer = golden_tokenizer("stories260k");
  EXPECT_THAT(tokenizer->encode("<s>"), testing::ElementsAre(1));
  const Ids as_text = tokenizer->encode("<s>", {.parse_special = false});
  EXPECT_THAT(as_text, testing::Not(testing::Contains(1)));
  EXPECT_EQ(tokenizer->decode(as_text), "<s>");
  EXPECT_EQ(tokenizer->encode("", {.add_special_tokens = true}), (Ids{1}));
}

TEST(Tokenizer, KnowsItsTokens) {
  const auto tokenizer = golden_tokenizer("stories260k");
  EXPECT_EQ(tokenizer->vocab_size(), 512);
  EXPECT_EQ(tokenizer->token_to_id("</s>"), 2);
  EXPECT_EQ(tokenizer->token_to_id("no such token"), std::nullopt);
  EXPECT_EQ(tokenizer->id_to_token(2), "</s>");
  EXPECT_TRUE(tokenizer->is_special(2));
  EXPECT_FALSE(tokenizer->is_special(300));
  EXPECT_FALSE(tokenizer->is_special(-1));
  EXPECT_EQ(tokenizer->to_json(), read_text_file(FPTQ_SOURCE_DIR "/tests/golden/tokenizer/stories260k.json"));
  EXPECT_EQ(tokenizer->decode(Ids{1, 2}, false), "<s></s>");
  EXPECT_EQ(tokenizer->decode(Ids{1, 2}, true), "");
}

TEST(Tokenizer, ThreadsShareOne) {
  const auto tokenizer = golden_tokenizer("tinystories-656k");
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "word" + std::to_string(i % 777) + (i % 5 == 0 ? ", " : " ");
  const Ids expected = tokenizer->encode(text);
  std::vector<Ids> results(4);
  {
    std::vector<std::jthread> threads;
    for (Ids& result : results) {
      threads.emplace_back([&] {
        for (int i = 0; i < 3; ++i) result = tokenizer->encode(text);
      });
    }
  }
  for (const Ids& result : results) EXPECT_EQ(result, expected);
}

std::string streamed(const std::shared_ptr<const Tokenizer>& tokenizer, const Ids& ids) {
  StreamDecoder decoder(tokenizer);
  std::string text;
  for (const int32_t id : ids) {
    const std::string piece = decoder.put(id);
    EXPECT_TRUE(is_valid_utf8(piece));
    text += piece;
  }
  return text + decoder.flush();
}

TEST(StreamDecoder, GivesWhatDecodeGives) {
  for (const char* name : {"stories260k", "tinystories-656k", "babyllama105"}) {
    const auto tokenizer = golden_tokenizer(name);
    for (const char* text : {"Once upon a time", "  two spaces ",
                             "naïve 日本語 🙂👩‍👩‍👧 end", "", "\n\n", "e d ▁"}) {
      Ids ids = tokenizer->encode(text);
      std::erase_if(ids, [&](int32_t id) { return tokenizer->is_special(id); });
      EXPECT_EQ(streamed(tokenizer, ids), tokenizer->decode(ids)) << name;
    }
  }
}

TEST(StreamDecoder, HoldsASplitCodePointBack) {
  const auto tokenizer = golden_tokenizer("stories260k");
  const Ids ids = tokenizer->encode("🙂");  // ▁ and four bytes
  ASSERT_EQ(ids.size(), 5u);
  StreamDecoder decoder(tokenizer);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(decoder.put(ids[i]), "");
  EXPECT_EQ(decoder.put(ids[4]), "🙂");
  EXPECT_EQ(decoder.put(1), "");  // special
  EXPECT_EQ(decoder.flush(), "");
}

TEST(StreamDecoder, DoesNotWaitForeverForInvalidBytes) {
  const auto tokenizer = golden_tokenizer("stories260k");
  const int32_t byte = tokenizer->token_to_id("<0xFF>").value();
  StreamDecoder decoder(tokenizer);
  std::string text;
  for (int i = 0; i < 8; ++i) text += decoder.put(byte);
  EXPECT_THAT(text, testing::StartsWith("\uFFFD\uFFFD"));
  const Ids emoji = tokenizer->encode("🙂");
  for (const int32_t id : emoji) EXPECT_TRUE(is_valid_utf8(decoder.put(id)));
  EXPECT_TRUE(is_valid_utf8(decoder.flush()));
}

}  // namespace
}  // namespace fptq
