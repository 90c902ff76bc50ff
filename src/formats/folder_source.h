// What the readers of Hugging Face directories have in common: everything that is stored dense in all of
// them.
#pragma once

#include <string>
#include <vector>

#include "formats/folder_tensors.h"
#include "model/weight_source.h"

namespace fptq {

class FolderSource : public WeightSource {
 public:
  const ModelConfig& config() const override { return config_; }
  const std::string& where() const override { return where_; }
  Tensor norm(int64_t layer, NormId id) const override;
  Tensor final_norm() const override;
  Tensor embedding() const override;
  LinearWeights head() const override;
  void release_block(int64_t layer) const override;

  const std::vector<std::string>& warnings() const { return warnings_; }
  uint64_t file_bytes() const { return tensors_.file_bytes(); }

 protected:
  // Checks norms and the embedding. A tied model may keep it under either name; with both,
  // model.embed_tokens.weight counts, as in transformers.
  // Without `dense_embedding` that is the derived class's to expect and to read.
  FolderSource(const std::filesystem::path& folder, ModelConfig config, ValueChecks checks,
               bool dense_embedding = true);

  // Checks `module`.weight [rows, cols] and, where there is one, `module`.bias.
  void expect_dense_linear(const std::string& module, const Shape& shape, bool bias);
  LinearWeights dense_linear(const std::string& module, const Shape& shape, bool bias) const;
  // Warns about what nobody expected; the last step of opening.
  void finish_opening();

  FolderTensors tensors_;
  ModelConfig config_;

 private:
  void find_embedding();

  std::string where_;
  std::string embedding_name_;
  std::vector<std::string> warnings_;
};

}  // namespace fptq
