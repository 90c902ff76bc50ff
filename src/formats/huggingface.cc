#include "formats/huggingface.h"

#include "formats/linear_bias.h"
#include "model/shapes.h"

namespace fptq {
namespace {

Shape shape_of(const ModelConfig& config, LinearId id) {
  const MatrixShape shape = linear_shape(config, id);
  return {shape.rows, shape.cols};
}

}  // namespace

HuggingFaceSource::HuggingFaceSource(const std::filesystem::path& folder, ModelConfig model_config)
    : FolderSource(folder, std::move(model_config), ValueChecks::kAll) {
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    for (const LinearId id : kAllLinears) {
      expect_dense_linear(module_name(layer, id), shape_of(config_, id), has_bias(config_, id));
    }
  }
  if (!config_.tied_embeddings) {
    expect_dense_linear("lm_head", {config_.vocab_size, config_.hidden_size}, false);
  }
  finish_opening();
}

LinearWeights HuggingFaceSource::linear(int64_t layer, LinearId id) const {
  return dense_linear(module_name(layer, id), shape_of(config_, id), has_bias(config_, id));
}

}  // namespace fptq
