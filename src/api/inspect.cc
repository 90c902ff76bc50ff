#include "fptq/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "formats/checkpoint.h"
#include "tensor/scheme_name.h"

namespace fptq {
namespace {

// Range and mean magnitude over rows that are decoded one at a time.
class ValueSummary {
 public:
  void add(const float* row, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      low_ = std::min(low_, row[i]);
      high_ = std::max(high_, row[i]);
      sum_ += std::fabs(row[i]);
    }
    count_ += n;
  }
  void store(TensorSummary& summary) const {
    if (count_ == 0) return;
    summary.min = low_;
    summary.max = high_;
    summary.abs_mean = sum_ / static_cast<double>(count_);
  }

 private:
  float low_ = INFINITY, high_ = -INFINITY;
  double sum_ = 0;
  int64_t count_ = 0;
};

TensorSummary summarize(const std::string& name, const Tensor& tensor, bool values) {
  TensorSummary summary;
  summary.name = name;
  summary.dtype = dtype_info(tensor.dtype()).name;
  summary.shape = tensor.shape();
  summary.bytes = tensor.bytes().size();
  if (values) {
    ValueSummary range;
    const TensorView& view = tensor.view();
    AlignedBuffer<float> row(static_cast<size_t>(view.row_elements()));
    for (int64_t r = 0; r < view.rows(); ++r) {
      decode_row(view.dtype, view.row(r), row.data(), view.row_elements());
      range.add(row.data(), view.row_elements());
    }
    range.store(summary);
  }
  return summary;
}

TensorSummary summarize(const std::string& name, const LinearWeights& w, bool values) {
  if (w.spec.dense()) return summarize(name + ".weight", w.weight, values);
  TensorSummary summary;
  summary.name = name + ".weight";
  summary.dtype = scheme_name(w.spec);
  summary.shape = {w.rows, w.cols};
  // Zero points are stored in as many bits as the codes.
  summary.bytes = w.codes.bytes().size() + w.scales.bytes().size() +
                  (w.zero_points ? w.zero_points.bytes().size() * static_cast<size_t>(w.spec.bits) / 8 : 0);
  if (w.spec.nested) summary.bytes += w.nested.absmax.bytes().size();
  summary.activation = scheme_name(w.activation);
  if (values) {
    ValueSummary range;
    AlignedBuffer<float> row(static_cast<size_t>(w.cols));
    for (int64_t r = 0; r < w.rows; ++r) {
      w.decode_row(r, row.data());
      range.add(row.data(), w.cols);
    }
    range.store(summary);
  }
  return summary;
}

}  // namespace

ModelSummary inspect(const std::string& model, bool values) {
  const Checkpoint checkpoint = open_checkpoint(model);
  const WeightSource& source = *checkpoint.weights;
  const ModelConfig& config = source.config();
  ModelSummary summary;
  summary.path = model;
  summary.format = checkpoint.format;
  summary.family = config.family;
  summary.file_bytes = checkpoint.file_bytes;
  summary.layers = config.num_layers;
  summary.hidden_size = config.hidden_size;
  summary.intermediate_size = config.intermediate_size;
  summary.heads = config.num_heads;
  summary.kv_heads = config.num_kv_heads;
  summary.head_dim = config.head_dim;
  summary.vocab_size = config.vocab_size;
  summary.max_position = config.max_position;
  summary.tied_embeddings = config.tied_embeddings;
  summary.warnings = checkpoint.warnings;

  summary.tensors.push_back(summarize(kEmbeddingModule, source.token_table(), values));
  double bits = 0, weights = 0;
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    for (const NormId id : {NormId::kAttention, NormId::kMlp}) {
      summary.tensors.push_back(
          summarize(norm_module_name(layer, id) + ".weight", source.norm(layer, id), values));
    }
    for (const LinearId id : kAllLinears) {
      const LinearWeights w = source.linear(layer, id);
      summary.tensors.push_back(summarize(module_name(layer, id), w, values));
      bits += 8.0 * static_cast<double>(summary.tensors.back().bytes);
      weights += static_cast<double>(w.rows * w.cols);
      if (w.bias) summary.tensors.push_back(summarize(module_name(layer, id) + ".bias", w.bias, values));
    }
    source.release_block(layer);
  }
  summary.tensors.push_back(summarize("model.norm.weight", source.final_norm(), values));
  if (!config.tied_embeddings) summary.tensors.push_back(summarize("lm_head", source.head(), values));
  summary.bits_per_weight = bits / weights;
  for (const TensorSummary& t : summary.tensors) {
    int64_t n = 1;
    for (const int64_t d : t.shape) n *= d;
    summary.parameters += n;
  }
  return summary;
}

}  // namespace fptq
