// Models, data and places that cannot work: the documented exit code, one line naming file and field, nothing
// left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class BadInput : public testing::Test {
 protected:
  // A copy of the tiny model to damage.
  std::string model() {
    const fs::path copy = folder_ / "model";
    if (!fs::exists(copy)) fs::copy(kTinyModel, copy, fs::copy_options::recursive);
    return copy.string();
  }
  void replace(const std::string& name, std::string_view contents) {
    std::ofstream(fs::path(model()) / name, std::ios::binary) << contents;
  }
  std::string out() { return (folder_ / "out").string(); }

  void expect_refused(int code, const std::vector<std::string>& words,
                      std::vector<std::string> options = {}) {
    std::vector<std::string> args = {"quantize", model(),    out(), "-q",       "--nsamples",
                                     "2",        "--seqlen", "64",  "--no-eval"};
    args.insert(args.end(), options.begin(), options.end());
    const Outcome run = run_fptq(args);
    EXPECT_EQ(run.code, code) << run.err;
    for (const std::string& word : words) EXPECT_THAT(run.err, HasSubstr(word));
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_.path())) {
      EXPECT_THAT(entry.path().filename().string(), testing::Not(testing::StartsWith("out")))
          << "left behind";
    }
  }
  void expect_calibration_refused(std::string_view text, int code, const std::vector<std::string>& words,
                                  const char* name = "calib.txt") {
    expect_refused(code, words, {"--calib", folder_.write(name, text).string()});
  }

  TempFolder folder_;
};

TEST_F(BadInput, ModelDoesNotExist) {
  const Outcome run = run_fptq({"quantize", (folder_ / "nowhere").string(), out(), "-q"});
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, HasSubstr("nowhere"));
}

TEST_F(BadInput, WeightsAreEmptyOrCutShort) {
  replace("model.safetensors", "");
  expect_refused(3, {"model.safetensors"});
  replace("model.safetensors", std::string(8, '\0'));
  expect_refused(3, {"model.safetensors"});
  const std::string whole = slurp(kTinyModel + "/model.safetensors");
  replace("model.safetensors", std::string_view(whole).substr(0, whole.size() - 1));
  expect_refused(3, {"model.safetensors"});
}

TEST_F(BadInput, OnlyAPickleIsThere) {
  fs::remove(fs::path(model()) / "model.safetensors");
  replace("pytorch_model.bin", "PK\x03\x04");
  expect_refused(3, {"pytorch_model.bin", "safe_serialization"});
}

TEST_F(BadInput, ConfigIsMissingEmptyOrOfTheWrongKind) {
  fs::remove(fs::path(model()) / "config.json");
  expect_refused(3, {"config.json"});
  replace("config.json", "");
  expect_refused(3, {"config.json"});
  replace("config.json", "[]");
  expect_refused(3, {"config.json"});
  replace("config.json", R"({"model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"]})");
  expect_refused(3, {"config.json", "gpt_neox", "llama", "mistral", "qwen2"});
}

TEST_F(BadInput, ConfigContradictsTheTensors) {
  std::string config = slurp(kTinyModel + "/config.json");
  const std::string heads = "\"hidden_size\": 64";
  config.replace(config.find(heads), heads.size(), "\"hidden_size\": 80");
  replace("config.json", config);
  expect_refused(3, {"80", "64"});
}

TEST_F(BadInput, TokenizerIsMissing) {
  fs::remove(fs::path(model()) / "tokenizer.json");
  expect_refused(3, {"tokenizer"});
}

TEST_F(BadInput, CalibrationFileIsMissing) {
  expect_refused(4, {"nowhere.txt"}, {"--calib", (folder_ / "nowhere.txt").string()});
}

TEST_F(BadInput, CalibrationFileHoldsNoText) {
  expect_calibration_refused("", 3, {"calib.txt"});
  expect_calibration_refused(std::string("\x7f"
                                         "ELF\x02\x01\x01\x00\xff\xfe",
                                         10),
                             3, {"calib.txt"});
  expect_calibration_refused(std::string("\xff\xfe"
                                         "o\0n\0c\0e\0",
                                         10),
                             3, {"calib.txt"});
}

TEST_F(BadInput, CalibrationLinesHaveNoText) {
  expect_calibration_refused("{\"txet\": \"Once upon a time\"}\n", 3, {"calib.jsonl", "text"}, "calib.jsonl");
}

TEST_F(BadInput, CalibrationTextIsShorterThanOneWindow) {
  expect_calibration_refused("Once upon a time", 2, {"calib.txt", "64", "--seqlen"});
}

TEST_F(BadInput, CalibrationIsAPipe) {
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  expect_refused(4, {"pipe"}, {"--calib", pipe});
}

TEST_F(BadInput, OutputIsAFileOrTheModelItself) {
  folder_.write("taken", "precious");
  const Outcome file = run_fptq({"quantize", model(), (folder_ / "taken").string(), "-q", "--force"});
  EXPECT_NE(file.code, 0);
  EXPECT_THAT(file.err, HasSubstr("taken"));
  EXPECT_EQ(slurp(folder_ / "taken"), "precious");
  const Outcome itself = run_fptq({"quantize", model(), model() + "/.", "-q", "--force"});
  EXPECT_NE(itself.code, 0);
  EXPECT_TRUE(fs::exists(fs::path(model()) / "model.safetensors")) << "the model survives";
}

TEST_F(BadInput, EvaluationTextIsMissingOrEmpty) {
  EXPECT_EQ(run_fptq({"eval", kTinyModel, "--text", (folder_ / "nowhere").string()}).code, 4);
  EXPECT_EQ(run_fptq({"eval", kTinyModel, "--text", folder_.write("empty", "").string()}).code, 3);
}

TEST_F(BadInput, ControlCharactersInNamesDoNotReachTheTerminal) {
  const Outcome run = run_fptq({"inspect", (folder_ / "no\x1b[31mwhere\n").string()});
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, testing::Not(HasSubstr("\x1b")));
  EXPECT_THAT(run.err, HasSubstr("\\x1b[31m"));
}

TEST_F(BadInput, VerifyWantsAManifest) {
  EXPECT_EQ(run_fptq({"verify", kTinyModel}).code, 6);
}

}  // namespace
}  // namespace fptq
