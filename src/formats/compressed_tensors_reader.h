// Checkpoints of compressed-tensors with integer weights of 3, 4 and 8 bits, packed or plain, or FP8 weights,
// as that library, llm-compressor and fptq write them (docs/formats-verified.md §2-5).
#pragma once

#include <filesystem>
#include <map>
#include <optional>

#include "formats/folder_source.h"
#include "formats/linear_scheme.h"

namespace fptq {

class CompressedTensorsSource final : public FolderSource {
 public:
  // `quantization` is config.json's quantization_config, `config_path` names that file. Every tensor's
  // presence, type and shape is checked here; values when they are read. What could not be computed exactly
  // as written is refused.
  CompressedTensorsSource(const std::filesystem::path& folder, ModelConfig config, const Json& quantization,
                          const std::string& config_path, ValueChecks checks = ValueChecks::kAll);

  LinearWeights linear(int64_t layer, LinearId id) const override;
  Tensor embedding() const override;
  LinearWeights token_table() const override;
  LinearWeights head() const override;

  // Some layers have integer weights and inputs that integer kernels multiply.
  bool has_integer_layers() const;

 private:
  CompressedTensorsSource(const std::filesystem::path& folder, ModelConfig config,
                          const QuantizationConfig& quantization, ValueChecks checks);
  bool has_dense_embedding() const { return !schemes_.contains(kEmbeddingModule); }
  void expect_quantized(const std::string& module, const LinearScheme& scheme, const Shape& shape, bool bias);
  LinearWeights read_quantized(const std::string& module, const LinearScheme& scheme, const Shape& shape,
                               bool bias) const;
  void read_codes(const std::string& module, const LinearScheme& scheme, LinearWeights& out) const;
  Tensor read_zero_points(const std::string& module, const LinearScheme& scheme, const Shape& shape) const;
  ActivationSpec read_activation(const std::string& module, const ActivationSpec& scheme) const;

  std::map<std::string, LinearScheme> schemes_;  // by module; those that are not here are dense
};

}  // namespace fptq
