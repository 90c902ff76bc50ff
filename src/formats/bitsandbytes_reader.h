// Checkpoints of bitsandbytes with NF4 weights, as transformers and fptq save them.
#pragma once

#include <filesystem>
#include <map>

#include "base/json.h"
#include "formats/folder_source.h"

namespace fptq {

class BitsAndBytesSource final : public FolderSource {
 public:
  // `quantization` is config.json's quantization_config, `config_path` names that file. A layer is NF4 where
  // the file holds its state, else dense. Every tensor's presence, type and shape is checked here; values
  // when they are read. Throws Error(kBadModel) on bitsandbytes' other types (LLM.int8, FP4) and on codes
  // that are stored as another type than uint8.
  BitsAndBytesSource(const std::filesystem::path& folder, ModelConfig config, const Json& quantization,
                     const std::string& config_path, ValueChecks checks);

  LinearWeights linear(int64_t layer, LinearId id) const override;
  LinearWeights head() const override;

 private:
  void expect(const std::string& module, const Shape& shape, bool bias);
  LinearWeights read(const std::string& module, const Shape& shape, bool bias) const;

  std::map<std::string, WeightSpec> specs_;  // by module; those that are not here are dense
};

}  // namespace fptq
