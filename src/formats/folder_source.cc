#include "formats/folder_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "fptq/error.h"
#include "io/printable.h"

namespace fptq {
namespace {

constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr const char* kHead = "lm_head.weight";
constexpr const char* kFinalNorm = "model.norm.weight";

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && std::ranges::equal(a.bytes(), b.bytes());
}

}  // namespace

FolderSource::FolderSource(const std::filesystem::path& folder, ModelConfig config, ValueChecks checks,
                           bool dense_embedding)
    : tensors_(folder, checks), config_(std::move(config)), where_(folder.string()) {
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    for (const NormId id : {NormId::kAttention, NormId::kMlp}) {
      tensors_.expect_dense(norm_module_name(layer, id) + ".weight", {config_.hidden_size});
    }
  }
  tensors_.expect_dense(kFinalNorm, {config_.hidden_size});
  if (dense_embedding) find_embedding();
  // What the tensors are counts, not what config.json says they are.
  config_.dtype = tensors_.dtype(dense_embedding ? embedding_name_ : kFinalNorm);
}

void FolderSource::find_embedding() {
  const Shape shape = {config_.vocab_size, config_.hidden_size};
  const bool only_head =
      config_.tied_embeddings && !tensors_.contains(kEmbedding) && tensors_.contains(kHead);
  embedding_name_ = only_head ? kHead : kEmbedding;
  tensors_.expect_dense(embedding_name_, shape);
  if (!config_.tied_embeddings || only_head || !tensors_.contains(kHead)) return;
  tensors_.accept(kHead);
  if (!same_bytes(tensors_.read(kHead), tensors_.read(kEmbedding))) {
    warnings_.push_back(
        fmt::format("{} differs from {} and is not used: tie_word_embeddings is true", kHead, kEmbedding));
  }
}

void FolderSource::expect_dense_linear(const std::string& module, const Shape& shape, bool bias) {
  tensors_.expect_dense(module + ".weight", shape);
  if (bias) tensors_.expect_dense(module + ".bias", {shape.front()});
}

LinearWeights FolderSource::dense_linear(const std::string& module, const Shape& shape, bool bias) const {
  LinearWeights out;
  out.rows = shape.front();
  out.cols = shape.back();
  out.weight = tensors_.read_dense(module + ".weight");
  if (bias) out.bias = tensors_.read_dense(module + ".bias");
  return out;
}

void FolderSource::finish_opening() {
  const std::vector<std::string> names = tensors_.unexpected();
  if (names.empty()) return;
  std::string list;
  for (size_t i = 0; i < std::min<size_t>(names.size(), 3); ++i)
    list += (i == 0 ? "" : ", ") + printable(names[i]);
  warnings_.push_back(fmt::format("{} tensor{} not part of the model and not used: {}{}", names.size(),
                                  names.size() == 1 ? " is" : "s are", list,
                                  names.size() > 3 ? ", ..." : ""));
}

Tensor FolderSource::norm(int64_t layer, NormId id) const {
  return tensors_.read_dense(norm_module_name(layer, id) + ".weight");
}

Tensor FolderSource::final_norm() const {
  return tensors_.read_dense(kFinalNorm);
}

Tensor FolderSource::embedding() const {
  return tensors_.read_dense(embedding_name_);
}

LinearWeights FolderSource::head() const {
  LinearWeights out;
  out.rows = config_.vocab_size;
  out.cols = config_.hidden_size;
  out.weight = config_.tied_embeddings ? embedding() : tensors_.read_dense(kHead);
  return out;
}

void FolderSource::release_block(int64_t layer) const {
  tensors_.release_layer(layer);
}

}  // namespace fptq
