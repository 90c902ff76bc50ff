// Ids and texts that PyPI's tokenizers gives (tests/golden/tokenizer/generate.py), and llama.cpp's vectors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "base/file_io.h"
#include "base/json.h"
#include "tokenizer/tokenizer.h"

namespace fptq {
namespace {

using Ids = std::vector<int32_t>;

std::string golden_path(const std::string& name) {
  return std::string(FPTQ_SOURCE_DIR "/tests/golden/tokenizer/") + name;
}

std::vector<Json> golden_lines(const std::string& name) {
  std::istringstream in(read_text_file(golden_path(name)));
  std::vector<Json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(parse_json(line, name));
  return lines;
}

std::shared_ptr<const Tokenizer> golden_tokenizer(const std::string& name) {
  return Tokenizer::from_json(read_text_file(golden_path(name + ".json")), name);
}

std::string fnv1a(const Ids& ids) {
  uint64_t h = 0xCBF29CE484222325u;
  for (const int32_t id : ids) {
    for (int shift = 0; shift < 32; shift += 8)
      h = (h ^ (static_cast<uint32_t>(id) >> shift & 0xFF)) * 0x100000001B3u;
  }
  char text[17];
  std::snprintf(text, sizeof(text), "%016lx", static_cast<unsigned long>(h));
  return text;
}

class TinyTokenizers : public testing::TestWithParam<const char*> {};

TEST_P(TinyTokenizers, GiveTheJudgesIdsAndTexts) {
  const std::string name = GetParam();
  const auto tokenizer = golden_tokenizer(name);
  const auto texts = golden_lines("texts.jsonl");
  const auto ids = golden_lines(name + ".ids");
  const auto decoded = golden_lines(name + ".txt");
  ASSERT_GT(texts.size(), 300u);
  ASSERT_EQ(texts.size(), ids.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(tokenizer->encode(texts[i].get<std::string>(), {.add_special_tokens = true}), ids[i].get<Ids>())
        << texts[i];
    EXPECT_EQ(tokenizer->decode(ids[i].get<Ids>()), decoded[i].get<std::string>()) << texts[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, TinyTokenizers,
                         testing::Values("stories260k", "tinystories-656k", "babyllama105"));

// Every kind of part, put into a tiny tokenizer in place of its own.
TEST(TokenizerParts, GiveTheJudgesIdsAndTexts) {
  const auto variants = golden_lines("parts.jsonl");
  ASSERT_GT(variants.size(), 150u);
  for (const Json& variant : variants) {
    Json json = parse_json(read_text_file(golden_path(variant["base"].get<std::string>() + ".json")), "base");
    const Json& change = variant["change"];
    for (const auto& [key, value] : change.items()) {
      if (key == "model") {
        json[key].update(value);
      } else {
        json[key] = value;
      }
    }
    const auto tokenizer = Tokenizer::from_json(json.dump(), "variant");
    for (const Json& one : variant["cases"]) {
      const Ids ids = one[1].get<Ids>();
      EXPECT_EQ(tokenizer->encode(one[0].get<std::string>(), {.add_special_tokens = true}), ids)
          << change << one[0];
      if (one[2].is_null()) {
        tokenizer->decode(ids, false);  // the judge panics here
      } else {
        EXPECT_EQ(tokenizer->decode(ids, false), one[2].get<std::string>()) << change << one[0];
      }
    }
  }
}

class Shared : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kFolder))
      GTEST_SKIP() << "the big tokenizers are not here (" << kFolder << ")";
  }
  static constexpr const char* kFolder = FPTQ_SOURCE_DIR "/../shared/tokenizers";
  static std::string folder(const std::string& name) { return std::string(kFolder) + "/" + name; }
};

TEST_F(Shared, BigTokenizersGiveTheJudgesIds) {
  const auto texts = golden_lines("texts.jsonl");
  for (const Json& big : golden_lines("big.jsonl")) {
    const auto name = big["name"].get<std::string>();
    const auto tokenizer = Tokenizer::from_directory(folder(name));
    for (size_t i = 0; i < texts.size(); ++i) {
      const Ids ids = tokenizer->encode(texts[i].get<std::string>(), {.add_special_tokens = true});
      EXPECT_EQ(fnv1a(ids), big["hashes"][i].get<std::string>()) << name << ": " << texts[i];
    }
  }
}

// llama.cpp's vectors: texts between marks, and a line of ids for each.
void expect_llama_cpp_vectors(const Tokenizer& tokenizer, const std::string& path) {
  const std::string mark = "\n__ggml_vocab_test__\n";
  const std::string texts = read_text_file(path + ".inp");
  std::istringstream ids_in(read_text_file(path + ".out"));
  size_t compared = 0;
  for (size_t begin = 0; begin < texts.size();) {
    const size_t end = std::min(texts.find(mark, begin), texts.size());
    std::string line;
    ASSERT_TRUE(std::getline(ids_in, line));
    std::istringstream numbers(line);
    const Ids expected((std::istream_iterator<int32_t>(numbers)), {});
    EXPECT_EQ(tokenizer.encode(texts.substr(begin, end - begin)), expected)
        << texts.substr(begin, end - begin);
    begin = end + mark.size();
    ++compared;
  }
  EXPECT_GT(compared, 40u);
}

TEST_F(Shared, AgreeWithLlamaCpp) {
  const std::string vectors = folder("vectors/ggml-vocab-");
  expect_llama_cpp_vectors(*Tokenizer::from_directory(folder("gpt2")), vectors + "gpt-2.gguf");
  expect_llama_cpp_vectors(*Tokenizer::from_directory(folder("qwen2.5")), vectors + "qwen2.gguf");
  expect_llama_cpp_vectors(*Tokenizer::from_directory(folder("llama2-sentencepiece")),
                           vectors + "llama-spm.gguf");
}

TEST_F(Shared, SentencePieceModelAndTokenizerJsonOfTheSameVocabularyAgree) {
  const auto model = Tokenizer::from_directory(folder("llama2-sentencepiece"));
  const auto json = Tokenizer::from_directory(folder("llama"));
  EXPECT_EQ(model->vocab_size(), 32000);
  for (const Json& text : golden_lines("texts.jsonl")) {
    const auto t = text.get<std::string>();
    if (t.find("<s>") != t.npos || t.find("unk>") != t.npos)
      continue;  // matched in raw text by one, in normalized by the other
    EXPECT_EQ(model->encode(t), json->encode(t)) << text;
  }
}

TEST_F(Shared, WrittenJsonGivesTheSameIds) {
  for (const char* name : {"llama2-sentencepiece", "qwen2.5"}) {
    const auto tokenizer = Tokenizer::from_directory(folder(name));
    const auto again = Tokenizer::from_json(tokenizer->to_json(), "written");
    EXPECT_EQ(again->vocab_size(), tokenizer->vocab_size());
    const std::string text = "It's 1234 o'clock, <s>naïve 日本語\n\n  🙂";
    EXPECT_EQ(again->encode(text, {.add_special_tokens = true}),
              tokenizer->encode(text, {.add_special_tokens = true}));
  }
}

}  // namespace
}  // namespace fptq
