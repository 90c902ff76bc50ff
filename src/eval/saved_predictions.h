// The predictions of a model on a text in a file, for holding other models against it without the model
// itself: of every compared position the ids of its `top_k` likeliest tokens and their log-probabilities.
// All other tokens count as one, so that the divergence comes out as a lower bound (the log sum inequality);
// with the whole vocabulary saved it is the divergence itself.
//
// A safetensors file: `ids` I32 [tokens], and for each window `window.N.ids` I32 [positions, top_k],
// likeliest first, `window.N.log_probabilities` F32 of the same shape, `window.N.rest` F32 [positions], the
// logarithm of what the others come to (-inf: nothing), `window.N.nll` F32 [positions] of the text's next
// token (0 where there is none in the window). Metadata: schema, model, ctx, stride, top_k, vocab_size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "eval/logit_source.h"
#include "eval/reference.h"
#include "eval/text_windows.h"
#include "io/safetensors.h"
#include "io/safetensors_writer.h"

namespace fptq {

// Hands on the logits of a model, and writes down what they say of the positions that are asked for.
class PredictionWriter final : public LogitSource {
 public:
  struct What {
    std::string model;   // its path, for whoever reads the file
    int64_t ctx = 0;     // as of TextWindows
    int64_t stride = 0;  // the same
    int64_t top_k = 0;   // 1 to the vocabulary's size
  };

  // Nothing that is there is written over: throws Error(kUsage) when `path` exists.
  static void check_path(const std::filesystem::path& path);

  // `source`, `ids` and `pool` must outlive it. Throws Error(kUsage) when top_k is out of range, Error(kIo)
  // when the file cannot be written.
  PredictionWriter(LogitSource& source, std::span<const int32_t> ids, const What& what,
                   const std::filesystem::path& path, ThreadPool& pool);

  int64_t vocab_size() const override { return source_.vocab_size(); }
  // In the order of the text.
  void run_window(std::span<const int32_t> ids) override;
  // Rows in order, each once.
  const float* logits(int64_t begin, int64_t rows) override;
  // After the last window: the file is whole and durable, or Error(kIo) was thrown. Without this call there
  // is no file.
  void commit();

 private:
  void write_window();

  LogitSource& source_;
  TextWindows windows_;
  int64_t top_k_;
  ThreadPool& pool_;
  std::filesystem::path path_, temporary_;
  SafetensorsWriter writer_;
  int64_t window_ = -1;
  std::span<const int32_t> ids_;  // of the window
  std::vector<int32_t> top_ids_;
  std::vector<float> log_probabilities_, rest_, nll_;
};

class SavedPredictions final : public Reference {
 public:
  // Whether `path` is such a file, whatever is wrong with it.
  static bool is_one(const std::filesystem::path& path);
  // Throws Error(kIo, kBadModel).
  explicit SavedPredictions(const std::filesystem::path& path);

  const std::string& model() const { return model_; }
  int64_t ctx() const { return ctx_; }
  int64_t stride() const { return stride_; }
  int64_t top_k() const { return top_k_; }
  const std::vector<int32_t>& ids() const { return ids_; }

  int64_t vocab_size() const override { return vocabulary_; }
  // Windows in the order in which they were saved. Throws Error(kBadModel) naming the tensor that holds what
  // no model predicts.
  void run_window(std::span<const int32_t> ids) override;
  void go_to(int64_t begin, int64_t rows) override;
  ReferenceScore score(int64_t row, std::span<const float> logits, const LogitSummary& summary,
                       int32_t next) const override;

 private:
  Tensor tensor(const std::string& name, DType dtype, const Shape& shape) const;

  SafetensorsFile file_;
  std::string model_;
  int64_t ctx_ = 0, stride_ = 0, top_k_ = 0, vocabulary_ = 0;
  std::vector<int32_t> ids_;
  int64_t window_ = -1;
  int64_t first_ = 0;                                // position of the window's first row
  int64_t row_ = 0;                                  // that go_to() went to
  Tensor top_ids_, log_probabilities_, rest_, nll_;  // of the window
};

}  // namespace fptq
