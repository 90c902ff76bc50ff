// Generation on a real model, through the public API.
#include "fptq/generate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "expect_error.h"

namespace fptq {
namespace {

const std::string kModel = std::string(FPTQ_SOURCE_DIR) + "/data/stories260k";
// What transformers 5.23 (float32, do_sample=False, max_new_tokens=40) continues "Once upon a time" with.
const std::string kGreedy =
    ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, "
    "red ball.";

GenerateOptions options(int64_t max_new_tokens = 40) {
  GenerateOptions o;
  o.max_new_tokens = max_new_tokens;
  return o;
}

TEST(Generate, GreedyTextIsThatOfTransformers) {
  const GenerateResult result = generate(kModel, "Once upon a time", options());
  EXPECT_EQ(result.text, kGreedy);
  EXPECT_EQ(result.prompt_tokens, 5);
  EXPECT_EQ(result.new_tokens, 40);
  EXPECT_EQ(result.finish_reason, "length");
}

TEST(Generate, ThreadsDoNotChangeTheText) {
  GenerateOptions o = options();
  o.temperature = 0.8;
  o.top_p = 0.9;
  o.seed = 11;
  o.threads = 1;
  const std::string one = generate(kModel, "Tom and", o).text;
  o.threads = 3;
  EXPECT_EQ(generate(kModel, "Tom and", o).text, one);
}

TEST(Generate, PiecesAddUpToTheTextAndStopTextsNeverShow) {
  GenerateOptions o = options();
  o.stop = {"park", "never said"};
  std::string streamed;
  const GenerateResult result = generate(kModel, "Once upon a time", o, [&](const std::string& piece) {
    streamed += piece;
    return true;
  });
  EXPECT_EQ(result.text, kGreedy.substr(0, kGreedy.find("park")));
  EXPECT_EQ(streamed, result.text);
  EXPECT_EQ(result.finish_reason, "stop");
}

TEST(Generate, AReaderMayEndIt) {
  int pieces = 0;
  const GenerateResult result =
      generate(kModel, "Once upon a time", options(), [&](const std::string&) { return ++pieces < 3; });
  EXPECT_EQ(pieces, 3);
  EXPECT_EQ(result.finish_reason, "stop");
  EXPECT_TRUE(kGreedy.starts_with(result.text));
}

TEST(Generate, EndsAtTheModelsMaximumPosition) {
  GenerateOptions o = options(100000);
  o.ignore_eos = true;
  const GenerateResult result = generate(kModel, "Once", o);
  EXPECT_EQ(result.prompt_tokens + result.new_tokens, 512);
}

TEST(Generate, Int8CacheKeepsTheBeginning) {
  GenerateOptions o = options(12);
  o.kv = "int8";
  EXPECT_EQ(generate(kModel, "Once upon a time", o).text,
            generate(kModel, "Once upon a time", options(12)).text);
}

TEST(Generate, RefusesWhatMakesNoSense) {
  GenerateOptions o = options();
  o.temperature = -1;
  expect_error(ErrorKind::kUsage, {"--temp"}, [&] { generate(kModel, "a", o); });
  o = options();
  o.kv = "int4";
  expect_error(ErrorKind::kUsage, {"--kv", "int4", "int8"}, [&] { generate(kModel, "a", o); });
  std::string longer;
  for (int i = 0; i < 600; ++i) longer += "dog ";
  expect_error(ErrorKind::kUsage, {"prompt", "512"}, [&] { generate(kModel, longer, options()); });
}

}  // namespace
}  // namespace fptq
