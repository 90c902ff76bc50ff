// The logits of a model that ran once, for holding many models against it. What is kept are its final hidden
// states: a vocabulary is tens of times wider (8,192 tokens of SmolLM2 are 19 MB as hidden states and 1.6 GB
// as logits), so that every comparison computes the output head again, but no block, and needs no block of
// the model in memory.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "backend/backend.h"
#include "base/aligned_buffer.h"
#include "eval/logit_source.h"
#include "fptq/progress.h"
#include "io/safetensors.h"
#include "model/forward.h"

namespace fptq {

// Runs `model` over the whole windows of `ctx` tokens (at most ids.size()) that `ids` has and writes the file
// `path` at once or not at all. `key` names what was run: model, ids, ctx. Throws Error(kIo).
void record_hidden(Model& model, std::span<const int32_t> ids, int64_t ctx, KvType kv,
                   const std::filesystem::path& path, const std::string& key, Progress& progress);

// Whether `path` is a whole recording of `key`.
bool is_recorded(const std::filesystem::path& path, const std::string& key);

class RecordedLogits final : public LogitSource {
 public:
  // `backend` must outlive it; `head` is the output head of the model that was recorded. Throws Error(kIo,
  // kBadModel) when the file is missing or damaged.
  RecordedLogits(const std::filesystem::path& path, Backend& backend, LinearWeights head);

  int64_t vocab_size() const override { return vocabulary_; }
  // Windows come in the order in which they were recorded. Throws Error(kFailure) for another number of
  // tokens or more windows than there are.
  void run_window(std::span<const int32_t> ids) override;
  const float* logits(int64_t begin, int64_t rows) override;

 private:
  SafetensorsFile file_;
  Backend& backend_;
  int64_t vocabulary_, width_;
  std::unique_ptr<LoadedLinear> head_;
  int64_t next_ = 0;
  AlignedBuffer<float> hidden_;  // [ctx, hidden_size] of the window
  AlignedBuffer<float> logits_;
};

}  // namespace fptq
