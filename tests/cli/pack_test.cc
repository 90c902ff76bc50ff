// The packed copy beside a quantized model, as a user meets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/json.h"
#include "run_fptq.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

class Pack : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    original_ = new TempFolder;
    const Outcome run = run_fptq({"quantize", kTinyModel, (*original_ / "out").string(), "--calib", "random",
                                  "--nsamples", "1", "--seqlen", "64", "-q", "--no-eval"});
    ASSERT_EQ(run.code, 0) << run.err;
  }
  static void TearDownTestSuite() { delete original_; }

  void SetUp() override {
    fs::copy(*original_ / "out", model(), fs::copy_options::recursive);
    temp_.write("ids.json", "[1, 5, 9, 100, 200]");
  }
  std::string model() const { return (temp_ / "model").string(); }
  // Of the packed copies and of what is being written.
  std::vector<fs::path> copies() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(model())) {
      if (entry.path().filename().string().starts_with("fptq-packed-")) out.push_back(entry.path());
    }
    return out;
  }
  std::string logits(const std::vector<std::string>& environment = {}) const {
    const std::string out = (temp_ / "logits").string();
    const Outcome run =
        run_fptq({"logits", model(), "--ids", (temp_ / "ids.json").string(), "--out", out}, {}, environment);
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_THAT(run.err, IsEmpty());
    return slurp(out);
  }
  static void flip_byte(const fs::path& path, std::streamoff at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    char byte = 0;
    file.seekg(at).get(byte);
    file.seekp(at).put(static_cast<char>(byte ^ 1));
  }

  static inline TempFolder* original_ = nullptr;
  TempFolder temp_;
};

TEST_F(Pack, TheFirstRunMakesTheCopyAndNoRunChangesItsNumbers) {
  const std::string without = logits({"FPTQ_NO_PACK_CACHE=1"});
  EXPECT_THAT(copies(), IsEmpty());
  EXPECT_EQ(logits(), without);
  ASSERT_EQ(copies().size(), 1u);
  EXPECT_EQ(logits(), without) << "from the copy";
  EXPECT_EQ(logits({"FPTQ_ISA=portable"}), without) << "another copy";
  EXPECT_EQ(copies().size(), 2u);
  EXPECT_EQ(logits({"FPTQ_ISA=portable"}), without);
  EXPECT_EQ(run_fptq({"verify", model()}).code, 0) << "copies are no part of the model";
  EXPECT_EQ(run_fptq({"inspect", model()}).code, 0);
}

TEST_F(Pack, MakesChecksAndMendsTheCopy) {
  const Outcome none = run_fptq({"pack", model(), "--check"});
  EXPECT_EQ(none.code, 6);
  EXPECT_THAT(none.err, HasSubstr("fptq pack"));
  EXPECT_THAT(copies(), IsEmpty()) << "--check makes nothing";

  const Outcome made = run_fptq({"pack", model(), "--json"});
  ASSERT_EQ(made.code, 0) << made.err;
  const Json copy = parse_json(made.out, "pack")["copies"][0];
  EXPECT_EQ(copy["made"], true);
  EXPECT_EQ(copy["layers"], 5 * 7);
  const fs::path path = copy["path"].get<std::string>();
  EXPECT_EQ(copy["bytes"], fs::file_size(path));
  EXPECT_EQ(run_fptq({"pack", model(), "--check"}).code, 0);
  EXPECT_EQ(parse_json(run_fptq({"pack", model(), "--json"}).out, "pack")["copies"][0]["made"], false);

  flip_byte(path, 100);  // in an image
  const Outcome damaged = run_fptq({"pack", model(), "--check"});
  EXPECT_EQ(damaged.code, 6);
  EXPECT_THAT(damaged.out, HasSubstr("1 of 35 layers differ"));
  EXPECT_EQ(run_fptq({"pack", model()}).code, 0);
  EXPECT_EQ(run_fptq({"pack", model(), "--check"}).code, 0);
}

TEST_F(Pack, ACopyThatCannotBeReadIsMadeAgain) {
  const std::string without = logits({"FPTQ_NO_PACK_CACHE=1"});
  logits();
  const fs::path path = copies().front();
  fs::resize_file(path, fs::file_size(path) / 2);
  EXPECT_EQ(logits(), without);
  EXPECT_EQ(run_fptq({"pack", model(), "--check"}).code, 0);
}

TEST_F(Pack, AFolderThatTakesNoCopyStillRuns) {
  const std::string without = logits({"FPTQ_NO_PACK_CACHE=1"});
  logits();
  const fs::path path = copies().front();
  fs::remove(path);
  fs::create_directory(path);  // nothing can be renamed to this
  EXPECT_EQ(logits(), without);
  EXPECT_EQ(copies(), std::vector<fs::path>{path}) << "and nothing is left behind";
}

TEST_F(Pack, ProcessesThatMakeItAtOnceAllSucceed) {
  const std::vector<std::string> command = {"pack", model()};
  std::vector<std::unique_ptr<RunningFptq>> runs;
  for (int i = 0; i < 4; ++i)
    runs.push_back(std::make_unique<RunningFptq>(command, "", std::vector<std::string>{}));
  for (const auto& run : runs) {
    const Outcome outcome = run->wait();
    EXPECT_EQ(outcome.code, 0) << outcome.err;
  }
  EXPECT_EQ(copies().size(), 1u);
  EXPECT_EQ(run_fptq({"pack", model(), "--check"}).code, 0);
}

TEST_F(Pack, AnIntegerHeadIsPackedToo) {
  fs::remove_all(model());
  const Outcome quantized = run_fptq({"quantize", kTinyModel, model(), "--calib", "random", "--nsamples", "1",
                                      "--seqlen", "64", "--head", "int8", "-q", "--no-eval"});
  ASSERT_EQ(quantized.code, 0) << quantized.err;
  const std::string without = logits({"FPTQ_NO_PACK_CACHE=1"});
  EXPECT_EQ(logits(), without);
  EXPECT_EQ(logits(), without);
  const Json report = parse_json(run_fptq({"pack", model(), "--check", "--json"}).out, "pack");
  EXPECT_EQ(report["copies"][0]["layers"], 5 * 7 + 1);
}

TEST_F(Pack, SaysWhatCannotBePacked) {
  const Outcome dense = run_fptq({"pack", kTinyModel});
  EXPECT_EQ(dense.code, 2);
  EXPECT_THAT(dense.err, HasSubstr("nothing to pack"));
  EXPECT_EQ(run_fptq({"pack", model(), "--isa", "mmx"}).code, 2);
}

}  // namespace
}  // namespace fptq
