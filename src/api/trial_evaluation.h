// One text and one original, which many models are held against.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "fptq/trials.h"

namespace fptq {

class TrialEvaluation {
 public:
  // Tokenizes the text. `source` is the opened original, which outlives this, and `source_key` tells it from
  // others. The original's states are kept in `folder`. Throws Error as evaluate() does.
  TrialEvaluation(const Checkpoint& source, const std::string& source_key, std::filesystem::path folder,
                  const TrialOptions& options);

  // Names original, text and windows.
  const std::string& key() const { return key_; }
  int64_t ctx() const { return ctx_; }
  int64_t tokens() const;  // in whole windows

  // The original alone, without divergence.
  EvalResult original(Progress& progress) const;
  // A model made from it, against it.
  EvalResult of(const std::string& model, Progress& progress) const;

 private:
  std::filesystem::path recording() const;
  // Runs the original where that was not done yet.
  void record(Progress& progress) const;

  const Checkpoint& source_;
  std::filesystem::path folder_;
  int threads_;
  std::vector<int32_t> ids_;
  int64_t ctx_ = 0;
  std::string key_;
};

}  // namespace fptq
