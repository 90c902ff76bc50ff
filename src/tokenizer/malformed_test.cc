// Tokenizer files that lie, and what is said about them (docs/robustness.md, rows 24 to 27 and 34).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/file_io.h"
#include "base/json.h"
#include "fptq/error.h"
#include "tokenizer/tokenizer.h"

namespace fptq {
namespace {

using testing::HasSubstr;

// The message of the Error(kBadModel) that reading `json` throws; empty when it throws none.
std::string refusal(const std::string& json) {
  try {
    Tokenizer::from_json(json, "t.json");
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kBadModel) << e.what();
    return e.what();
  }
  return "";
}

std::string with_model(const std::string& model, const std::string& more = "") {
  return R"({"version": "1.0", )" + more + R"("model": )" + model + "}";
}
std::string with_vocab(const std::string& vocab, const std::string& merges = "[]") {
  return with_model(R"({"type": "BPE", "vocab": )" + vocab + R"(, "merges": )" + merges + "}");
}
std::string with_part(const std::string& part) {
  return with_model(R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]})", part + ", ");
}

TEST(MalformedTokenizer, NamesModelTypesThatAreNotSupported) {
  for (const char* type : {"WordPiece", "WordLevel", "Unigram", "Sorcery"}) {
    EXPECT_THAT(refusal(with_model(std::string(R"({"type": ")") + type + R"(", "vocab": {}})")),
                testing::AllOf(HasSubstr("t.json:model:type"), HasSubstr(type), HasSubstr("supported: BPE")));
  }
  EXPECT_THAT(refusal("[]"), HasSubstr("expected a JSON object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("t.json:model"));
  EXPECT_THAT(refusal(with_model("7")), HasSubstr("expected an object"));
  EXPECT_THAT(refusal(with_model(R"({"vocab": {"a": 0}, "merges": [], "dropout": 0.1})")),
              HasSubstr("dropout"));
}

TEST(MalformedTokenizer, ChecksIds) {
  EXPECT_THAT(refusal(with_vocab(R"({"a": 0, "b": 0})")), HasSubstr("id 0 is given to \"a\" and to \"b\""));
  EXPECT_THAT(refusal(with_vocab(R"({"a": 0, "a": 1})")), HasSubstr("duplicate key \"a\""));
  EXPECT_THAT(refusal(with_vocab(R"({"a": -1})")), HasSubstr("token id -1"));
  EXPECT_THAT(refusal(with_vocab(R"({"a": 4294967296})")), HasSubstr("4294967296"));
  EXPECT_THAT(refusal(with_vocab(R"({"a": 18446744073709551615})")), HasSubstr("18446744073709551615"));
  EXPECT_THAT(refusal(with_vocab(R"({"a": 2147483647})")), HasSubstr("2147483647"));
  EXPECT_THAT(refusal(with_vocab(R"({"a": 1.5})")), HasSubstr("1.5"));
  EXPECT_THAT(refusal(with_vocab(R"({"a": "0"})")), HasSubstr("not an integer"));
  EXPECT_THAT(refusal(with_vocab(R"(["a"])")), HasSubstr("t.json:model:vocab"));
}

TEST(MalformedTokenizer, GapsBetweenIdsAreLegal) {
  const auto tokenizer =
      Tokenizer::from_json(with_vocab(R"({"a": 3, "b": 1000, "ab": 7})", R"(["a b"])"), "t.json");
  EXPECT_EQ(tokenizer->vocab_size(), 1001);
  EXPECT_EQ(tokenizer->encode("aab"), (std::vector<int32_t>{3, 7}));
  EXPECT_EQ(tokenizer->id_to_token(5), "");
  EXPECT_EQ(tokenizer->id_to_token(1000), "b");
  EXPECT_EQ(tokenizer->id_to_token(-1), "");
  EXPECT_EQ(tokenizer->id_to_token(1001), "");
  const std::vector<int32_t> ids{5, 7, -3, 1 << 30};
  EXPECT_EQ(tokenizer->decode(ids), "ab");
}

TEST(MalformedTokenizer, ChecksMerges) {
  EXPECT_THAT(refusal(with_vocab(R"({"a": 0})", R"(["a b"])")),
              HasSubstr("t.json:model:merges[0]: token \"b\" is not in the vocabulary"));
  EXPECT_THAT(refusal(with_vocab(R"({"a": 0, "b": 1})", R"([["a", "b"]])")),
              HasSubstr("token \"ab\" is not in the vocabulary"));
  EXPECT_THAT(refusal(with_vocab(R"({"a": 0})", R"([["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a"]])")),
              HasSubstr("merges[0]"));
  EXPECT_THAT(refusal(with_vocab(R"({"a": 0})", R"(["a a a"])")), HasSubstr("expected two tokens"));
  EXPECT_THAT(refusal(with_vocab(R"({"a": 0})", R"(["a"])")), HasSubstr("expected two tokens"));
  EXPECT_THAT(refusal(with_vocab(R"({"a": 0})", R"([["a"]])")), HasSubstr("merges[0]"));
  EXPECT_THAT(refusal(with_vocab(R"({"a": 0})", R"([7])")), HasSubstr("merges[0]"));
  EXPECT_THAT(refusal(with_vocab(R"({"a": 0})", R"({"a": "a"})")), HasSubstr("expected an array"));
  // A right part that is shorter than the prefix (issue 2094 of tokenizers).
  EXPECT_THAT(refusal(with_model(
                  R"({"vocab": {"a": 0, "b": 1}, "merges": ["a b"], "continuing_subword_prefix": "###"})")),
              HasSubstr("does not begin with the prefix"));
}

TEST(MalformedTokenizer, ChecksAddedTokens) {
  const auto added = [](const std::string& tokens) { return with_part(R"("added_tokens": )" + tokens); };
  EXPECT_THAT(refusal(added(R"([{"id": 9, "content": ""}])")),
              HasSubstr("added_tokens[0]:content: an added token must not be empty"));
  EXPECT_THAT(refusal(added(R"([{"id": 9, "content": ")" + std::string(1 << 20, 'x') + R"("}])")),
              HasSubstr("1048576 bytes"));
  EXPECT_THAT(refusal(added(R"([{"id": -9, "content": "x"}])")), HasSubstr("-9"));
  EXPECT_THAT(refusal(added(R"([{"id": 9, "content": "x"}, {"id": 9, "content": "y"}])")),
              HasSubstr("two added tokens"));
  EXPECT_THAT(refusal(added(R"([{"id": 8, "content": "x"}, {"id": 9, "content": "x"}])")),
              HasSubstr("added twice"));
  EXPECT_THAT(refusal(added(R"({"id": 9})")), HasSubstr("expected an array"));
  EXPECT_THAT(refusal(added(R"([9])")), HasSubstr("added_tokens[0]"));
}

TEST(MalformedTokenizer, NamesPartsThatAreNotSupported) {
  EXPECT_THAT(refusal(with_part(R"("normalizer": {"type": "Precompiled", "precompiled_charsmap": ""})")),
              HasSubstr("\"Precompiled\""));
  EXPECT_THAT(refusal(with_part(
                  R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "UnicodeScripts"}]})")),
              HasSubstr("pre_tokenizer.pretokenizers[0]: type \"UnicodeScripts\""));
  EXPECT_THAT(refusal(with_part(R"("decoder": {"type": "WordPiece"})")), HasSubstr("\"WordPiece\""));
  EXPECT_THAT(refusal(with_part(R"("post_processor": {"type": "Nonsense"})")), HasSubstr("\"Nonsense\""));
  EXPECT_THAT(refusal(with_part(R"("normalizer": {"type": "Sequence"})")), HasSubstr("normalizers"));
  EXPECT_THAT(refusal(with_part(R"("normalizer": 3)")), HasSubstr("expected an object or null"));
  EXPECT_THAT(
      refusal(with_part(R"("pre_tokenizer": {"type": "Split", "pattern": "x", "behavior": "Isolated"})")),
      HasSubstr("pattern"));
  EXPECT_THAT(refusal(with_part(
                  R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": "x"}, "behavior": "Maybe"})")),
              HasSubstr("Maybe"));
  EXPECT_THAT(refusal(with_part(R"("pre_tokenizer": {"type": "FixedLength", "length": 0})")),
              HasSubstr("at least 1"));
  EXPECT_THAT(refusal(with_part(R"("pre_tokenizer": {"type": "Metaspace", "replacement": "__"})")),
              HasSubstr("expected one character"));
  EXPECT_THAT(
      refusal(with_part(
          R"("pre_tokenizer": {"type": "Metaspace", "replacement": "_", "add_prefix_space": false})")),
      HasSubstr("contradicts"));
  EXPECT_THAT(refusal(with_part(R"("decoder": {"type": "Strip", "content": " ", "start": -1, "stop": 0})")),
              HasSubstr("start"));
}

TEST(MalformedTokenizer, ChecksTemplates) {
  const auto single = [](const std::string& pieces, const std::string& special) {
    return with_part(R"("post_processor": {"type": "TemplateProcessing", "single": )" + pieces +
                     R"(, "special_tokens": )" + special + "}");
  };
  EXPECT_THAT(refusal(single(R"([{"SpecialToken": {"id": "X", "type_id": 0}}])", "{}")),
              HasSubstr("has no entry \"X\""));
  EXPECT_THAT(refusal(single(R"([{"Sequence": {"id": "B", "type_id": 0}}])", "{}")),
              HasSubstr("expected sequence A"));
  EXPECT_THAT(refusal(single(R"([{"SpecialToken": {"id": "X", "type_id": 0}}])", R"({"X": {"ids": [-4]}})")),
              HasSubstr("-4"));
  EXPECT_THAT(refusal(single(R"(["A"])", "{}")), HasSubstr("expected Sequence or SpecialToken"));
}

TEST(MalformedTokenizer, RefusesRegexesThatAreInvalidOrMeanSomethingElseInPcre2) {
  const auto regex = [](const std::string& r) {
    return refusal(with_part(
        R"("pre_tokenizer": {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex": )" +
        Json(r).dump() + "}}"));
  };
  for (const char* bad :
       {"(", "[a", "*", "\\", "\\p{Nonsense}", "(?<=a*)b", "[a&&b]", "[a[^b]]", "[\\W_]", "a{1,3}+"}) {
    EXPECT_THAT(regex(bad), HasSubstr("t.json:pre_tokenizer:pattern")) << bad;
  }
  EXPECT_EQ(regex("[^(\\s|[.,!?…。，、।۔،])]+"), "");  // BLOOM's nested class
}

TEST(MalformedTokenizer, CatastrophicRegexEndsInAnError) {
  const auto start = std::chrono::steady_clock::now();
  for (const char* pattern : {"(a+)+b", "(a|a)*b", "(?:a|aa)+b", "(a*)*b"}) {
    const auto tokenizer = Tokenizer::from_json(
        with_part(
            std::string(
                R"("pre_tokenizer": {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex": ")") +
            pattern + "\"}}"),
        "t.json");
    try {
      tokenizer->encode(std::string(2000, 'a') + "cb");
      ADD_FAILURE() << pattern << " came to an end";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kFailure);
      EXPECT_THAT(e.what(), HasSubstr("gives up on this text"));
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(MalformedTokenizer, AnUnknownTokenThatIsNotInTheVocabularyIsAnErrorWhenItIsNeeded) {
  const auto tokenizer = Tokenizer::from_json(
      with_model(R"({"unk_token": "<unk>", "vocab": {"a": 0}, "merges": []})"), "t.json");
  EXPECT_EQ(tokenizer->encode("aa"), (std::vector<int32_t>{0, 0}));
  EXPECT_THROW(tokenizer->encode("ab"), Error);
}

// Every truncation, and every byte changed in several ways: an Error or a tokenizer that works, never a
// crash.
TEST(MalformedTokenizer, SurvivesDamage) {
  const std::string whole = read_text_file(FPTQ_SOURCE_DIR "/tests/golden/tokenizer/babyllama105.json");
  const auto attempt = [](const std::string& json) {
    try {
      const auto tokenizer = Tokenizer::from_json(json, "damaged");
      tokenizer->decode(tokenizer->encode("Once <s> upon\n", {.add_special_tokens = true}));
    } catch (const Error&) {
    }
  };
  for (size_t n = 0; n < whole.size(); ++n) attempt(whole.substr(0, n));
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int flip : {0x01, 0x10, 0x80, 0xFF}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      attempt(damaged);
    }
    std::string quoted = whole;
    quoted[i] = '"';
    attempt(quoted);
  }
}

}  // namespace
}  // namespace fptq
