// Tokenizers from tokenizer.model, GGUF metadata, and vocab.json with merges.txt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <filesystem>

#include "base/file_io.h"
#include "base/json.h"
#include "fptq/error.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/protobuf_reader.h"
#include "tokenizer/tokenizer.h"

namespace fptq {
namespace {

using Ids = std::vector<int32_t>;
using testing::HasSubstr;

template <typename Make>
std::string refusal(const Make& make) {
  try {
    make();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kBadModel) << e.what();
    return e.what();
  }
  return "";
}

// A SentencePiece model, written field by field.
std::string varint(uint64_t v) {
  std::string out;
  for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
  out.push_back(static_cast<char>(v));
  return out;
}
std::string number(int field, uint64_t v) {
  return varint(static_cast<uint64_t>(field) << 3) + varint(v);
}
std::string bytes(int field, const std::string& v) {
  return varint(static_cast<uint64_t>(field) << 3 | 2) + varint(v.size()) + v;
}
std::string piece(const std::string& text, float score, int type = 1) {
  const auto bits = std::bit_cast<uint32_t>(score);
  std::string fixed = varint(2 << 3 | 5);
  for (int shift = 0; shift < 32; shift += 8) fixed.push_back(static_cast<char>(bits >> shift));
  return bytes(1, bytes(1, text) + fixed + number(3, static_cast<uint64_t>(type)));
}
std::string pieces() {
  std::string out = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3);
  for (int b = 0; b < 256; ++b) {
    char text[8];
    std::snprintf(text, sizeof(text), "<0x%02X>", b);
    out += piece(text, 0, 6);
  }
  float score = -1;
  for (const char* text : {"ab", "▁a", "▁ab", "bc", "▁", "a", "b", "c", "<tool>"}) {
    out += piece(text, score, text == std::string("<tool>") ? 4 : 1);
    score -= 1;
  }
  return out;
}
std::string trainer(int type = 2) {
  return bytes(2, number(3, static_cast<uint64_t>(type)) + number(41, 1) + number(42, 2));
}
std::string normalizer(const std::string& charsmap = "") {
  return bytes(3, bytes(1, "identity") + bytes(2, charsmap) + number(3, 1) + number(4, 0));
}

TEST(SentencePieceModel, IsRead) {
  const auto tokenizer = Tokenizer::from_sentencepiece(pieces() + trainer() + normalizer(), "m.model");
  EXPECT_EQ(tokenizer->vocab_size(), 268);
  // "ab" has the best score, so it is joined before "▁a" can be.
  const int32_t first = 259;
  EXPECT_EQ(tokenizer->encode("ab", {.add_special_tokens = true}), (Ids{1, first + 2}));
  EXPECT_EQ(tokenizer->encode("abc"), (Ids{first + 2, first + 7}));
  EXPECT_EQ(tokenizer->encode("é"), (Ids{first + 4, 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(tokenizer->encode("a<tool>"), (Ids{first + 1, first + 8}));
  EXPECT_EQ(tokenizer->decode(Ids{1, first + 2, 3 + 0xC3, 3 + 0xA9, first + 1}), "abé a");
  EXPECT_TRUE(tokenizer->is_special(0));
  EXPECT_FALSE(tokenizer->is_special(first + 8));
}

TEST(SentencePieceModel, IsRefusedWithAReason) {
  const auto reason = [](const std::string& model) {
    return refusal([&] { Tokenizer::from_sentencepiece(model, "m.model"); });
  };
  EXPECT_THAT(reason(pieces() + trainer(1) + normalizer()), HasSubstr("type unigram are not supported"));
  EXPECT_THAT(reason(pieces() + trainer(99) + normalizer()), HasSubstr("type 99"));
  EXPECT_THAT(reason(pieces() + normalizer()), HasSubstr("unigram"));  // the default of the format
  EXPECT_THAT(reason(pieces() + trainer() + normalizer("map")), HasSubstr("character map"));
  EXPECT_THAT(reason(pieces() + trainer()), HasSubstr("normalizer_spec"));
  EXPECT_THAT(reason(trainer() + normalizer()), HasSubstr("no pieces"));
  EXPECT_THAT(reason(""), HasSubstr("no pieces"));
  EXPECT_THAT(reason(pieces() + piece("x", NAN) + trainer() + normalizer()),
              HasSubstr("pieces[268]: score nan"));
  EXPECT_THAT(reason(pieces() + piece("x", 0, 9) + trainer() + normalizer()), HasSubstr("type 0 is not"));
  EXPECT_THAT(reason(pieces() + piece("\xFF", 0) + trainer() + normalizer()), HasSubstr("not valid UTF-8"));
  EXPECT_THAT(reason(pieces() + piece(std::string(1 << 20, 'x'), 0) + trainer() + normalizer()),
              HasSubstr("1048576 bytes"));
  EXPECT_THAT(reason(pieces() + piece("ab", 0) + trainer() + normalizer()),
              HasSubstr("duplicate key \"ab\""));
  EXPECT_THAT(reason("\x0A\x05"
                     "ab"),
              HasSubstr("a field of 5 bytes, 2 are left"));
  EXPECT_THAT(reason(std::string("\x08") + std::string(11, '\xFF')), HasSubstr("64 bits"));
  EXPECT_THAT(reason("\x08\xFF"), HasSubstr("ends inside a number"));
  EXPECT_THAT(reason("<!DOCTYPE html><html>"), HasSubstr("not a protobuf message"));
}

TEST(SentencePieceModel, SurvivesDamage) {
  const std::string whole =
      pieces().substr(0, 200) + pieces().substr(pieces().size() - 100) + trainer() + normalizer();
  const auto attempt = [](const std::string& model) {
    try {
      Tokenizer::from_sentencepiece(model, "damaged")->encode("abc <tool>");
    } catch (const Error&) {
    }
  };
  for (size_t n = 0; n < whole.size(); ++n) attempt(whole.substr(0, n));
  for (size_t i = 0; i < whole.size(); ++i) {
    for (int flip = 1; flip < 256; flip += 2) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      attempt(damaged);
    }
  }
}

GgufVocabulary byte_level_vocabulary(const std::string& pre) {
  GgufVocabulary v;
  v.model = "gpt2";
  v.pre = pre;
  for (int b = 0; b < 256; ++b) {
    std::string token;
    append_byte_level(token, std::string(1, static_cast<char>(b)));
    v.tokens.push_back(token);
  }
  for (const char* t : {"12", "123", "ab", "Ġa", "Ġab", "ĠĠ", "<|end|>", "<tool>"}) v.tokens.emplace_back(t);
  v.token_types.assign(v.tokens.size(), 1);
  v.token_types[262] = 3;
  v.token_types[263] = 4;
  v.merges = {"1 2", "12 3", "a b", "Ġ a", "Ġ ab", "Ġ Ġ"};
  v.bos = 262;
  return v;
}

TEST(GgufTokenizer, FamiliesCutDigitsTheirOwnWay) {
  const auto ids = [](const char* pre) {
    return Tokenizer::from_gguf(byte_level_vocabulary(pre), "m.gguf")->encode("1234");
  };
  const int32_t one = '1', two = '2', three = '3', four = '4';
  EXPECT_EQ(ids("gpt-2"), (Ids{257, four}));
  EXPECT_EQ(ids("llama-bpe"), (Ids{257, four}));
  EXPECT_EQ(ids("smollm"), (Ids{one, two, three, four}));
  EXPECT_EQ(ids("qwen2"), (Ids{one, two, three, four}));
}

TEST(GgufTokenizer, ControlTokensAreSpecialAndUserDefinedOnesAreNot) {
  auto v = byte_level_vocabulary("smollm");
  const auto tokenizer = Tokenizer::from_gguf(v, "m.gguf");
  EXPECT_EQ(tokenizer->encode("ab<|end|><tool> ab"), (Ids{258, 262, 263, 260}));
  EXPECT_EQ(tokenizer->decode(Ids{258, 262, 263, 260}), "ab<tool> ab");
  EXPECT_EQ(tokenizer->encode("ab", {.add_special_tokens = true}), (Ids{258}));
  v.add_bos = true;
  v.add_eos = true;
  v.eos = 262;
  EXPECT_EQ(Tokenizer::from_gguf(v, "m.gguf")->encode("ab", {.add_special_tokens = true}),
            (Ids{262, 258, 262}));
}

TEST(GgufTokenizer, SentencePieceKind) {
  GgufVocabulary v;
  v.model = "llama";
  v.tokens = {"<unk>", "<s>", "</s>", "▁", "a", "b", "ab", "▁ab"};
  v.scores = {0, 0, 0, -5, -6, -7, -1, -2};
  v.token_types = {2, 3, 3, 1, 1, 1, 1, 1};
  v.bos = 1;
  EXPECT_EQ(Tokenizer::from_gguf(v, "m.gguf")->encode("ab ba", {.add_special_tokens = true}),
            (Ids{1, 7, 3, 5, 4}));
  v.add_space_prefix = false;
  v.add_bos = false;
  const auto bare = Tokenizer::from_gguf(v, "m.gguf");
  EXPECT_EQ(bare->encode("abzz", {.add_special_tokens = true}), (Ids{6, 0}));
  EXPECT_EQ(bare->decode(Ids{3, 6}), " ab");
}

TEST(GgufTokenizer, IsRefusedWithAReason) {
  const auto reason = [](const auto& change) {
    GgufVocabulary v = byte_level_vocabulary("gpt-2");
    change(v);
    return refusal([&] { Tokenizer::from_gguf(v, "m.gguf"); });
  };
  EXPECT_THAT(reason([](auto& v) { v.pre = "tekken"; }),
              testing::AllOf(HasSubstr("\"tekken\" is not known"), HasSubstr("smollm")));
  EXPECT_THAT(reason([](auto& v) { v.model = "t5"; }), HasSubstr("\"t5\" is not supported"));
  EXPECT_THAT(reason([](auto& v) { v.tokens.clear(); }), HasSubstr("found none"));
  EXPECT_THAT(reason([](auto& v) { v.token_types.pop_back(); }), HasSubstr("expected 264 types, found 263"));
  EXPECT_THAT(reason([](auto& v) { v.tokens[5] = "\xFF"; }), HasSubstr("not valid UTF-8"));
  EXPECT_THAT(reason([](auto& v) { v.tokens[5] = "ab"; }), HasSubstr("duplicate key \"ab\""));
  EXPECT_THAT(reason([](auto& v) { v.merges[0] = "1 2 3"; }), HasSubstr("tokenizer.ggml.merges[0]"));
  EXPECT_THAT(reason([](auto& v) { v.merges[0] = "1 9"; }),
              HasSubstr("token \"19\" is not in the vocabulary"));
  EXPECT_THAT(reason([](auto& v) { v.bos = 9999, v.add_bos = true; }), HasSubstr("token id 9999 of 264"));
  EXPECT_THAT(reason([](auto& v) { v.model = "llama"; }), HasSubstr("expected 264 scores, found 0"));
}

class Directory : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::path(testing::TempDir()) / ("fptq_tokenizer_" + std::to_string(getpid()));
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  void write(const char* name, const std::string& text) { write_file_atomically(dir_ / name, text); }

  std::filesystem::path dir_;
};

TEST_F(Directory, NamesWhatItLookedFor) {
  EXPECT_THAT(
      refusal([&] { Tokenizer::from_directory(dir_); }),
      testing::AllOf(HasSubstr("tokenizer.json"), HasSubstr("tokenizer.model"), HasSubstr("merges.txt")));
}

TEST_F(Directory, ReadsVocabAndMerges) {
  Json vocab = Json::object();
  const auto gguf = byte_level_vocabulary("");
  for (size_t i = 0; i < 262; ++i) vocab[gguf.tokens[i]] = i;
  write("vocab.json", vocab.dump());
  write("merges.txt", "#version: 0.2\n1 2\r\n12 3\na b\nĠ a\nĠ ab\nĠ Ġ\n");
  const auto qwen = Tokenizer::from_directory(dir_);
  EXPECT_EQ(qwen->encode("123").size(), 3u);
  EXPECT_EQ(qwen->encode("ab ab"), (Ids{258, 260}));
  write("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder":
      {"262": {"content": "<|end|>", "special": true}, "258": {"content": "ab", "normalized": false}}})");
  const auto gpt2 = Tokenizer::from_directory(dir_);
  EXPECT_EQ(gpt2->encode("123<|end|>ab"), (Ids{257, 262, 258}));
  EXPECT_TRUE(gpt2->is_special(262));
  write("tokenizer_config.json", R"({"tokenizer_class": "BertTokenizer"})");
  EXPECT_THAT(refusal([&] { Tokenizer::from_directory(dir_); }), HasSubstr("BertTokenizer"));
  write("tokenizer_config.json", "{}");
  write("merges.txt", "a b\na  b\n");
  EXPECT_THAT(refusal([&] { Tokenizer::from_directory(dir_); }), HasSubstr("merges.txt:2"));
}

TEST_F(Directory, PrefersTokenizerJson) {
  write("tokenizer.json", read_text_file(FPTQ_SOURCE_DIR "/tests/golden/tokenizer/babyllama105.json"));
  write("tokenizer.model", "not a model");
  EXPECT_EQ(Tokenizer::from_directory(dir_)->vocab_size(), 105);
}

TEST(ProtobufReader, ReadsEveryWireType) {
  const std::string where = "p";
  const std::string message = number(1, 300) + std::string("\x11\x01\x02\x03\x04\x05\x06\x07\x08", 9) +
                              bytes(3, "xy") + std::string("\x25\x01\x00\x00\x80", 5);
  ProtobufReader reader(message, where, 100);
  ProtobufReader::Field f;
  ASSERT_TRUE(reader.next(f));
  EXPECT_EQ(f.value, 300u);
  ASSERT_TRUE(reader.next(f));
  EXPECT_EQ(f.value, 0x0807060504030201u);
  ASSERT_TRUE(reader.next(f));
  EXPECT_EQ(f.bytes, "xy");
  EXPECT_EQ(f.position, 100u + 3 + 9 + 2);
  ASSERT_TRUE(reader.next(f));
  EXPECT_EQ(f.number, 4u);
  EXPECT_EQ(f.value, 0x80000001u);
  EXPECT_FALSE(reader.next(f));
}

}  // namespace
}  // namespace fptq
