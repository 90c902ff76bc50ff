#include "eval/recorded_logits.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "eval/model_logits.h"
#include "eval/perplexity.h"
#include "expect_error.h"
#include "synthetic_source.h"
#include "temp_folder.h"

namespace fptq {
namespace {

// Seven windows of 16 tokens and a rest that belongs to none.
constexpr int64_t kCtx = 16;

class Recorded : public testing::Test {
 protected:
  Recorded() : source_(SyntheticSource::small_config()), pool_(2), backend_(make_cpu_backend(pool_)) {
    for (int32_t i = 0; i < 7 * kCtx + 5; ++i) ids_.push_back((i * 37 + 11) % 300);
  }
  void record(const std::string& key) {
    Model model(*backend_, source_);
    record_hidden(model, ids_, kCtx, KvType::kFloat, path(), key, no_progress());
  }
  std::filesystem::path path() const { return folder_ / "original.safetensors"; }

  TempFolder folder_;
  SyntheticSource source_;
  ThreadPool pool_;
  std::unique_ptr<Backend> backend_;
  std::vector<int32_t> ids_;
};

TEST_F(Recorded, GivesTheModelsOwnResultBitForBit) {
  record("a");
  Model model(*backend_, source_), original(*backend_, source_);
  const EvalHarness harness{.ctx = kCtx, .kv = KvType::kInt8, .reference_kv = KvType::kFloat};
  const EvalResult live = evaluate_model(model, &original, ids_, harness, no_progress());
  RecordedLogits recorded(path(), *backend_, source_.head());
  ModelLogits logits(model, KvType::kInt8);
  LogitReference reference(recorded);
  const EvalResult result = evaluate_logits(logits, &reference, ids_, kCtx, kCtx, pool_, no_progress());
  EXPECT_EQ(result.tokens, 7 * kCtx);
  EXPECT_EQ(result.perplexity, live.perplexity);
  EXPECT_EQ(result.reference_perplexity, live.reference_perplexity);
  EXPECT_GT(live.kl->mean, 0.0) << "the int8 cache makes a difference, or this test shows nothing";
  EXPECT_EQ(result.kl->mean, live.kl->mean);
  EXPECT_EQ(result.kl->max, live.kl->max);
}

TEST_F(Recorded, IsOnlyUsedForItsKeyAndWhenWhole) {
  EXPECT_FALSE(is_recorded(path(), "a")) << "there is no file yet";
  record("a");
  EXPECT_FALSE(is_recorded(path(), "b"));
  EXPECT_TRUE(is_recorded(path(), "a"));
  std::filesystem::resize_file(path(), std::filesystem::file_size(path()) - 1);
  EXPECT_FALSE(is_recorded(path(), "a"));
}

TEST_F(Recorded, RefusesWindowsThatWereNotRecorded) {
  record("a");
  RecordedLogits recorded(path(), *backend_, source_.head());
  const std::span<const int32_t> ids = ids_;
  expect_error(ErrorKind::kFailure, {"16, 64", "15, 64"}, [&] { recorded.run_window(ids.first(kCtx - 1)); });
  for (int i = 0; i < 7; ++i) recorded.run_window(ids.first(kCtx));
  EXPECT_THROW(recorded.run_window(ids.first(kCtx)), Error);
}

}  // namespace
}  // namespace fptq
