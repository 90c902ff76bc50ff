// Hugging Face directories with dense weights (F32, F16, BF16).
#pragma once

#include <filesystem>

#include "formats/folder_source.h"

namespace fptq {

class HuggingFaceSource final : public FolderSource {
 public:
  // Every tensor's presence, type and shape is checked here. Throws Error(kIo) or Error(kBadModel).
  HuggingFaceSource(const std::filesystem::path& folder, ModelConfig config);

  LinearWeights linear(int64_t layer, LinearId id) const override;
};

}  // namespace fptq
