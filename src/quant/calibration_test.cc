#include "quant/calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/file_io.h"
#include "expect_error.h"
#include "temp_folder.h"

namespace fptq {
namespace {

const std::string kData = std::string(FPTQ_SOURCE_DIR) + "/data";

class Calibration : public testing::Test {
 protected:
  Calibration() : tokenizer(Tokenizer::from_directory(kData + "/stories260k")) {
    config.vocab_size = 512;
    config.max_position = 512;
    options.nsamples = 4;
    options.seqlen = 32;
    options.source = kData + "/aesop.txt";
  }
  CalibrationData load() const { return load_calibration(options, *tokenizer, config); }
  void expect_refused(ErrorKind kind, const std::vector<std::string>& words) const {
    expect_error(kind, words, [&] { load(); });
  }
  std::vector<int32_t> joined(const CalibrationData& data) const {
    std::vector<int32_t> all;
    for (const auto& w : data.windows) all.insert(all.end(), w.begin(), w.end());
    return all;
  }

  std::shared_ptr<const Tokenizer> tokenizer;
  ModelConfig config;
  CalibrationOptions options;
};

TEST_F(Calibration, WindowsAreTheHeadOfTheWholeTextsIds) {
  const std::vector<int32_t> ids = tokenizer->encode(read_text_file(options.source));
  const CalibrationData data = load();
  EXPECT_EQ(data.tokens(), 4 * 32);
  EXPECT_TRUE(data.warnings.empty());
  EXPECT_EQ(joined(data), std::vector<int32_t>(ids.begin(), ids.begin() + 128));
}

TEST_F(Calibration, HeadOfALongTextHasTheIdsOfTheWhole) {
  TempFolder folder;
  std::string text = read_text_file(options.source);
  while (text.size() < (size_t{5} << 19)) text += text;  // several pieces long
  options.source = folder.write("long.txt", text);
  options.nsamples = 8000;  // more than the first piece
  const std::vector<int32_t> ids = tokenizer->encode(text);
  ASSERT_GT(ids.size(), 8000u * 32);
  EXPECT_EQ(joined(load()), std::vector<int32_t>(ids.begin(), ids.begin() + 8000 * 32));
}

TEST_F(Calibration, ShortTextGivesFewerWindowsAndSaysSo) {
  TempFolder folder;
  options.source = folder.write("a.txt", read_text_file(options.source).substr(0, 400));
  options.nsamples = 1000;
  const CalibrationData data = load();
  EXPECT_GT(data.windows.size(), 1u);
  EXPECT_LT(data.windows.size(), 20u);
  ASSERT_EQ(data.warnings.size(), 1u);
  EXPECT_NE(data.warnings[0].find("1000"), std::string::npos);
}

TEST_F(Calibration, DocumentsAreJoined) {
  TempFolder folder;
  options.source =
      folder.write("a.jsonl", "{\"text\": \"Once upon a time there was a fox\"}\n\"The lion\"\n");
  std::vector<int32_t> expected = tokenizer->encode("Once upon a time there was a fox");
  const std::vector<int32_t> second = tokenizer->encode("The lion");
  expected.insert(expected.end(), second.begin(), second.end());
  options.seqlen = static_cast<int64_t>(expected.size());
  options.nsamples = 1;
  EXPECT_EQ(joined(load()), expected);
}

TEST_F(Calibration, RandomPlacesFollowTheSeed) {
  options.draw_at_random = true;
  const CalibrationData a = load(), b = load();
  EXPECT_EQ(a.windows, b.windows);
  const std::vector<int32_t> ids = tokenizer->encode(read_text_file(options.source));
  for (const auto& w : a.windows) {
    EXPECT_NE(std::search(ids.begin(), ids.end(), w.begin(), w.end()), ids.end());
  }
  options.seed = 1;
  EXPECT_NE(load().windows, a.windows);
}

TEST_F(Calibration, RandomIdsAreOrdinaryAndFollowTheSeed) {
  options.source = "random";
  options.nsamples = 64;
  options.seqlen = 512;
  const CalibrationData a = load();
  EXPECT_EQ(a.tokens(), 64 * 512);
  std::set<int32_t> seen;
  for (const int32_t id : joined(a)) {
    ASSERT_TRUE(id >= 0 && id < 512 && !tokenizer->is_special(id)) << id;
    seen.insert(id);
  }
  EXPECT_GT(seen.size(), 500u);  // 32,768 draws from at most 512 ids
  EXPECT_EQ(load().windows, a.windows);
  options.seed = 7;
  EXPECT_NE(load().windows, a.windows);
}

TEST_F(Calibration, OptionsOutOfRangeAreRefused) {
  for (const int64_t n : {int64_t{0}, int64_t{-1}, int64_t{1'000'000'000}}) {
    options.nsamples = n;
    expect_refused(ErrorKind::kUsage, {"nsamples", std::to_string(n), "65536"});
  }
  options.nsamples = 4;
  for (const int64_t n : {int64_t{0}, int64_t{1}, int64_t{-5}, int64_t{513}, INT64_MAX}) {
    options.seqlen = n;
    expect_refused(ErrorKind::kUsage, {"seqlen", std::to_string(n), "2 to 512"});
  }
  options.seqlen = 512;
  options.nsamples = 65536;
  expect_refused(ErrorKind::kUsage, {"65536 x 512", "4194304"});
}

TEST_F(Calibration, TextShorterThanAWindowIsRefused) {
  TempFolder folder;
  options.source = folder.write("a.txt", "Hello");
  expect_refused(ErrorKind::kUsage, {"a.txt", "fewer than one window of 32"});
  options.source = folder.write("b.txt", " \n");
  expect_refused(ErrorKind::kUsage, {"b.txt", "fewer"});
  options.source = folder / "missing.txt";
  expect_refused(ErrorKind::kIo, {"missing.txt"});
}

TEST_F(Calibration, IdsOutsideTheModelAreRefused) {
  config.vocab_size = 300;
  expect_refused(ErrorKind::kBadModel, {"aesop.txt", "vocabulary has 300"});
}

TEST_F(Calibration, FingerprintTellsWindowsApart) {
  const TokenWindows a = {{1, 2}, {3}}, b = {{1}, {2, 3}};
  EXPECT_NE(fingerprint(a), fingerprint(b));
  EXPECT_EQ(fingerprint(a), fingerprint(TokenWindows{{1, 2}, {3}}));
  EXPECT_EQ(fingerprint(a).size(), 32u);
}

}  // namespace
}  // namespace fptq
