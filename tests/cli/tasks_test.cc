// `fptq eval --tasks`: questions in, scores out, and a run that was killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/json.h"
#include "exam.h"
#include "run_fptq.h"

namespace fptq {
namespace {

using testing::HasSubstr;

const std::string kLayouts = FPTQ_SOURCE_DIR "/src/tasks/testdata/layouts/";

class EvalTasks : public testing::Test {
 protected:
  Outcome eval(std::vector<std::string> args) const {
    args.insert(args.begin(), {"eval", kTinyModel, "-q"});
    return run_fptq(args);
  }
  Json json(std::vector<std::string> args) const {
    args.push_back("--json");
    const Outcome outcome = eval(args);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return parse_json(outcome.out, "eval");
  }
  std::string exam(int count) const { return write_exam(folder_, count); }
  std::string answers() const { return (folder_ / "answers.jsonl").string(); }

  TempFolder folder_;
};

TEST_F(EvalTasks, ScoresTasksOfSeveralFolders) {
  const Json result = json({"--tasks", "piqa,arc_easy,lambada", "--data", kLayouts + "piqa", "--data",
                            kLayouts + "arc_easy", "--data", kLayouts + "lambada", "--num-fewshot", "1"});
  EXPECT_EQ(result["schema"], "fptq.tasks.v1");
  EXPECT_EQ(result["num_fewshot"], 1);
  ASSERT_EQ(result["tasks"].size(), 3u);
  EXPECT_EQ(result["tasks"][0]["task"], "piqa");
  EXPECT_EQ(result["tasks"][0]["questions"], 3);
  EXPECT_TRUE(result["tasks"][1]["metrics"].contains("acc_norm"));
  EXPECT_GT(result["tasks"][2]["metrics"]["perplexity"].get<double>(), 1.0);
  EXPECT_TRUE(result["groups"].empty());
}

TEST_F(EvalTasks, ResultDependsNeitherOnThreadsNorOnTheAnswerFile) {
  const std::vector<std::string> args = {"--tasks", exam(40), "--seed", "5"};
  const auto with = [&](std::initializer_list<std::string> more) {
    std::vector<std::string> all = args;
    all.insert(all.end(), more);
    Json result = json(all);
    result.erase("timing");
    return result.dump();
  };
  const std::string plain = with({"-t", "1"});
  EXPECT_EQ(with({"-t", "3", "--answers", answers()}), plain);
  const std::string kept = slurp(answers());
  EXPECT_EQ(with({"--answers", answers()}), plain) << "all answers were in the file";
  EXPECT_EQ(slurp(answers()), kept);
}

TEST_F(EvalTasks, KilledRunGoesOnToTheSameBytes) {
  const std::string task = exam(3000);
  const std::vector<std::string> args = {"eval", kTinyModel, "-q", "--json",   "-t",
                                         "1",    "--tasks",  task, "--answers"};
  const auto at = [&](const std::string& file) {
    std::vector<std::string> all = args;
    all.push_back((folder_ / file).string());
    return all;
  };
  Json whole = parse_json(run_fptq(at("whole.jsonl")).out, "whole");
  {
    RunningFptq running(at("killed.jsonl"), {}, {});
    // Until some answers are there: about a header and a batch.
    for (int i = 0; i < 2000 && slurp(folder_ / "killed.jsonl").size() < 8000; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    running.signal(SIGKILL);
    ASSERT_EQ(running.wait().code, 128 + SIGKILL) << "it ended before it was killed";
  }
  ASSERT_LT(slurp(folder_ / "killed.jsonl").size(), slurp(folder_ / "whole.jsonl").size());
  Json resumed = parse_json(run_fptq(at("killed.jsonl")).out, "resumed");
  EXPECT_GT(resumed["timing"]["resumed_questions"], 0);
  EXPECT_LT(resumed["timing"]["resumed_questions"], 3000);
  whole.erase("timing");
  resumed.erase("timing");
  EXPECT_EQ(resumed.dump(), whole.dump());
  EXPECT_EQ(slurp(folder_ / "killed.jsonl"), slurp(folder_ / "whole.jsonl"));
}

TEST_F(EvalTasks, AnswersOfOtherOptionsAreRefused) {
  const std::string task = exam(4);
  EXPECT_EQ(eval({"--tasks", task, "--answers", answers()}).code, 0);
  const Outcome other = eval({"--tasks", task, "--limit", "2", "--answers", answers()});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("--answers"));
}

TEST_F(EvalTasks, SaysWhatIsMissing) {
  const Outcome data = eval({"--tasks", "hellaswag", "--data", kLayouts + "piqa"});
  EXPECT_EQ(data.code, 4);
  EXPECT_THAT(data.err, HasSubstr("hellaswag/hellaswag_val.jsonl"));
  EXPECT_THAT(data.err, HasSubstr("https://github.com/rowanz/hellaswag"));
  const Outcome name = eval({"--tasks", "pica"});
  EXPECT_EQ(name.code, 2);
  EXPECT_THAT(name.err, HasSubstr("did you mean piqa?"));
  const Outcome examples =
      eval({"--tasks", "openbookqa", "--data", kLayouts + "openbookqa", "--num-fewshot", "9"});
  EXPECT_EQ(examples.code, 2);
  EXPECT_THAT(examples.err, HasSubstr("has 7 examples"));
}

TEST_F(EvalTasks, OptionsOfTextsAndTasksDoNotMix) {
  EXPECT_EQ(eval({"--tasks", "piqa", "--text", kHeldOutText}).code, 2);
  EXPECT_EQ(eval({"--tasks", "piqa", "--ctx", "128"}).code, 2);
  EXPECT_EQ(eval({"--text", kHeldOutText, "--limit", "3"}).code, 2);
  EXPECT_EQ(eval({"--tasks", "piqa,"}).code, 2);
  EXPECT_EQ(eval({}).code, 2);
}

TEST_F(EvalTasks, TextsHaveWordsBytesAndStrides) {
  const std::vector<std::string> text = {"--text", kHeldOutText, "--max-tokens", "512", "--ctx", "128"};
  const Json chunked = json(text);
  std::vector<std::string> args = text;
  args.insert(args.end(), {"--stride", "32", "--reference", kTinyModel});
  const Json strided = json(args);
  EXPECT_EQ(chunked["stride"], 128);
  EXPECT_EQ(strided["stride"], 32);
  EXPECT_EQ(chunked["scored"], 508);
  EXPECT_EQ(strided["scored"], 511);
  EXPECT_LT(strided["perplexity"].get<double>(), chunked["perplexity"].get<double>())
      << "more context makes better predictions";
  EXPECT_GT(chunked["word_perplexity"].get<double>(), chunked["perplexity"].get<double>());
  EXPECT_GT(chunked["bits_per_byte"].get<double>(), 0.5);
  EXPECT_EQ(strided["perplexity_ratio"], 1.0);
  EXPECT_EQ(strided["probability_change"]["rms"], 0.0);
  args[7] = "129";
  EXPECT_EQ(eval(args).code, 2) << "a stride longer than a window";
}

}  // namespace
}  // namespace fptq
