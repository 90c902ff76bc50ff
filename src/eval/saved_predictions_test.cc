#include "eval/saved_predictions.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "base/file_io.h"
#include "eval/model_logits.h"
#include "eval/perplexity.h"
#include "expect_error.h"
#include "synthetic_source.h"
#include "temp_folder.h"

namespace fptq {
namespace {

constexpr int64_t kCtx = 16;

class Saved : public testing::Test {
 protected:
  Saved() : source_(SyntheticSource::small_config()) {
    for (int32_t i = 0; i < 5 * kCtx + 3; ++i) ids_.push_back((i * 37 + 11) % 300);
  }
  std::filesystem::path path() const { return folder_ / "saved.safetensors"; }
  int64_t vocabulary() const { return source_.config().vocab_size; }

  // The model with an INT8 cache against itself with one of floats.
  EvalResult live(int64_t stride) {
    const auto backend = make_cpu_backend(pool_);
    Model model(*backend, source_), original(*backend, source_);
    return evaluate_model(model, &original, ids_, {.ctx = kCtx, .stride = stride, .kv = KvType::kInt8},
                          no_progress());
  }
  EvalResult save(int64_t stride, int64_t top_k, int threads = 2) {
    ThreadPool pool(threads);
    const auto backend = make_cpu_backend(pool);
    Model original(*backend, source_);
    ModelLogits logits(original, KvType::kFloat);
    std::filesystem::remove(path());
    PredictionWriter writer(logits, ids_, {.model = "m", .ctx = kCtx, .stride = stride, .top_k = top_k},
                            path(), pool);
    const EvalResult result = evaluate_logits(writer, nullptr, ids_, kCtx, stride, pool, no_progress());
    writer.commit();
    return result;
  }
  EvalResult against_saved() {
    const auto backend = make_cpu_backend(pool_);
    Model model(*backend, source_);
    ModelLogits logits(model, KvType::kInt8);
    SavedPredictions saved(path());
    return evaluate_logits(logits, &saved, ids_, saved.ctx(), saved.stride(), pool_, no_progress());
  }

  TempFolder folder_;
  SyntheticSource source_;
  ThreadPool pool_{2};
  std::vector<int32_t> ids_;
};

TEST_F(Saved, WithAllTokensStandForTheModel) {
  for (const int64_t stride : {kCtx, int64_t{5}}) {
    const EvalResult expected = live(stride);
    const EvalResult original = save(stride, vocabulary());
    const EvalResult found = against_saved();
    EXPECT_EQ(found.tokens, expected.tokens);
    EXPECT_EQ(found.perplexity, expected.perplexity);
    EXPECT_EQ(original.perplexity, expected.reference_perplexity);
    EXPECT_NEAR(found.reference_perplexity, expected.reference_perplexity, 1e-5 * expected.perplexity);
    EXPECT_GT(expected.kl->mean, 1e-6) << "the int8 cache makes a difference, or this test shows nothing";
    EXPECT_NEAR(found.kl->mean, expected.kl->mean, 1e-6 + 1e-3 * expected.kl->mean);
    EXPECT_EQ(found.kl->top1, expected.kl->top1);
    EXPECT_NEAR(found.probability_change->rms, expected.probability_change->rms, 1e-6);
  }
}

TEST_F(Saved, WithFewTokensAreALowerBound) {
  const double exact = live(kCtx).kl->mean;
  double before = 0;
  for (const int64_t top_k : {int64_t{1}, int64_t{20}, vocabulary() / 2}) {
    save(kCtx, top_k);
    const double bound = against_saved().kl->mean;
    EXPECT_GT(bound, before) << top_k;
    EXPECT_LT(bound, exact) << top_k;
    before = bound;
  }
  EXPECT_GT(before, 0.5 * exact);
}

TEST_F(Saved, AreTheSameBytesForAnyNumberOfThreads) {
  save(kCtx, 10, 1);
  const std::string one = read_text_file(path());
  save(kCtx, 10, 3);
  EXPECT_TRUE(read_text_file(path()) == one);
}

TEST_F(Saved, ExistWholeOrNotAtAll) {
  const auto backend = make_cpu_backend(pool_);
  Model original(*backend, source_);
  ModelLogits logits(original, KvType::kFloat);
  const PredictionWriter::What what{.model = "m", .ctx = kCtx, .stride = kCtx, .top_k = 3};
  {
    PredictionWriter writer(logits, ids_, what, path(), pool_);
    writer.run_window(std::span<const int32_t>(ids_).first(kCtx));
    writer.logits(0, kCtx);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  save(kCtx, 3);
  expect_error(ErrorKind::kUsage, {"saved.safetensors", "exists already"},
               [&] { PredictionWriter::check_path(path()); });
  PredictionWriter::What many = what;
  many.top_k = vocabulary() + 1;
  expect_error(ErrorKind::kUsage, {"--top-k", "expected 1 to"},
               [&] { PredictionWriter(logits, ids_, many, folder_ / "more", pool_); });
}

// Writes the file again with another tensor or other metadata.
class Damaged : public Saved {
 protected:
  Damaged() {
    save(kCtx, 3);
    const SafetensorsFile file = SafetensorsFile::open(path());
    metadata_ = file.metadata();
    for (const StoredTensor& t : file.tensors()) {
      const Tensor tensor = file.tensor(t.name);
      infos_.push_back({t.name, tensor.dtype(), tensor.shape()});
      data_[t.name].assign(tensor.bytes().begin(), tensor.bytes().end());
    }
  }
  template <typename T>
  void put(const std::string& name, size_t at, T value) {
    std::memcpy(data_.at(name).data() + at * sizeof(T), &value, sizeof(T));
  }
  void expect_refused(const std::vector<std::string>& words) {
    SafetensorsWriter writer(path(), infos_, metadata_);
    for (const auto& [name, bytes] : data_) writer.write(name, bytes);
    writer.commit();
    EXPECT_TRUE(SavedPredictions::is_one(path()));
    expect_error(ErrorKind::kBadModel, words, [&] { against_saved(); });
  }

  std::map<std::string, std::string> metadata_;
  std::vector<TensorInfo> infos_;
  std::map<std::string, std::vector<std::byte>> data_;
};

TEST_F(Damaged, MetadataAreRefused) {
  metadata_["top_k"] = "three";
  expect_refused({"saved.safetensors", "'top_k'"});
  metadata_["top_k"] = "4";
  expect_refused({"window.000000.ids", "16, 4", "16, 3"});
  metadata_["top_k"] = "3";
  metadata_["ctx"] = "15";
  expect_refused({"'ids'", "no whole windows of 15"});
}

TEST_F(Damaged, ValuesThatNoModelPredictsAreRefused) {
  put("window.000001.ids", 5, static_cast<int32_t>(vocabulary()));
  expect_refused({"window.000001.ids", "no model predicts"});
  put("window.000001.ids", 5, int32_t{0});
  put("window.000002.log_probabilities", 7, 0.5f);
  expect_refused({"window.000002.log_probabilities"});
  put("window.000002.log_probabilities", 7, -1.0f);
  put("window.000000.rest", 0, std::nanf(""));
  expect_refused({"window.000000.rest"});
  put("window.000000.rest", 0, -1.0f);
  put("window.000004.nll", 15, -1.0f);
  expect_refused({"window.000004.nll"});
}

TEST_F(Saved, OtherFilesAreNone) {
  EXPECT_FALSE(SavedPredictions::is_one(folder_.path()));
  EXPECT_FALSE(SavedPredictions::is_one(folder_ / "none"));
  EXPECT_FALSE(SavedPredictions::is_one(folder_.write("text", "no safetensors file")));
}

}  // namespace
}  // namespace fptq
