// `fptq study`: a table and a picture for each question.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;

class StudyCommand : public testing::Test {
 protected:
  Outcome run(const std::string& name, const std::vector<std::string>& more) const {
    std::vector<std::string> args = {
        "study", name,  kTinyModel,   "--work", work(),     "--text", kHeldOutText, "--max-tokens", "256",
        "--ctx", "128", "--nsamples", "2",      "--seqlen", "64",     "--svg",      picture(),      "-q"};
    args.insert(args.end(), more.begin(), more.end());
    return run_fptq(args);
  }
  Json json(const std::string& name, std::vector<std::string> more = {}) const {
    more.push_back("--json");
    const Outcome outcome = run(name, more);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return parse_json(outcome.out, "study");
  }
  int marks(const char* element) const {
    const std::string text = slurp(picture());
    int n = 0;
    for (size_t at = text.find(element); at != std::string::npos; at = text.find(element, at + 1)) ++n;
    return n;
  }
  std::string work() const { return (folder_ / "work").string(); }
  std::string picture() const { return (folder_ / "picture.svg").string(); }

  TempFolder folder_;
};

// The tiny model's largest activations lie around 10: each threshold matters below that and not above.
TEST_F(StudyCommand, ThresholdsSweepsBothAroundThePapersValues) {
  const Json study = json("thresholds");
  EXPECT_EQ(study["schema"], "fptq.study.v1");
  std::set<std::string> series;
  std::set<double> kl;
  for (const Json& point : study["points"]) {
    series.insert(point["series"].get<std::string>());
    kl.insert(point["kl"]["mean"].get<double>());
  }
  EXPECT_THAT(series, testing::ElementsAre("dynamic, static at 15", "static, dynamic at 150"));
  EXPECT_GE(kl.size(), 2u) << "some threshold makes a difference";
  EXPECT_EQ(marks("<circle "), static_cast<int>(study["points"].size()));
  EXPECT_EQ(marks("class=\"mark\""), 2);
  for (const auto& entry : std::filesystem::directory_iterator(work()))
    EXPECT_FALSE(entry.is_directory()) << entry.path() << ": models are not kept";
}

TEST_F(StudyCommand, AblationEndsInResultsThatDiffer) {
  const Json study = json("ablation");
  EXPECT_EQ(marks("class=\"bar\""), static_cast<int>(study["points"].size()));
  const auto kl = [&](const char* part) {
    for (const Json& point : study["points"]) {
      if (point["name"].get<std::string>().find(part) != std::string::npos)
        return point["kl"]["mean"].get<double>();
    }
    ADD_FAILURE() << part;
    return 0.0;
  };
  EXPECT_LT(kl("weights in 8 bits"), kl("+ per token"));
  EXPECT_LT(kl("per token everywhere"), kl("static activations everywhere"));
}

TEST_F(StudyCommand, CalibrationShowsTheSpreadOverSeedsAndGoesOn) {
  const std::vector<std::string> small = {"--source",  "random", "--source", kHeldOutText,
                                          "--windows", "1,2",    "--seeds",  "2"};
  const Outcome first = run("calibration", small);
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("spread"));
  EXPECT_EQ(marks("<circle "), 4);
  EXPECT_EQ(marks("<polyline "), 2);
  const Json again = json("calibration", small);
  ASSERT_EQ(again["points"].size(), 8u);
  std::set<double> kl;
  for (const Json& point : again["points"]) {
    EXPECT_EQ(point["timing"]["reused"], true) << point["name"];
    kl.insert(point["kl"]["mean"].get<double>());
  }
  EXPECT_GE(kl.size(), 6u) << "seeds and sizes are really different data";
}

TEST_F(StudyCommand, MistakesAreNamed) {
  const Outcome unknown = run("treshold", {});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("thresholds, ablation, calibration"));
  EXPECT_FALSE(std::filesystem::exists(work()));
  const Outcome failed = run("calibration", {"--source", "/nonexistent", "--windows", "1", "--seeds", "1"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.out, HasSubstr("- /nonexistent:nsamples=1:seed=0: "));
  EXPECT_THAT(slurp(picture()), HasSubstr("no results"));
}

}  // namespace
}  // namespace fptq
