// GGUF files as a model: weights under Hugging Face's names and in its row order.
#pragma once

#include <memory>
#include <string>

#include "base/json.h"
#include "io/gguf.h"
#include "model/weight_source.h"

namespace fptq {

struct Companions;
class MaybeTokenizer;

class GgufSource final : public WeightSource {
 public:
  // Every tensor's presence, type and shape is checked here. Throws Error(kBadModel, file:tensor).
  explicit GgufSource(GgufFile file);

  const ModelConfig& config() const override { return config_; }
  const std::string& where() const override { return where_; }
  // Block types stay as they are: rows are whole blocks, so undoing the rotary permutation of q and k moves
  // bytes.
  LinearWeights linear(int64_t layer, LinearId id) const override;
  Tensor norm(int64_t layer, NormId id) const override;
  Tensor final_norm() const override;
  Tensor embedding() const override;
  LinearWeights head() const override;
  void release_block(int64_t layer) const override;

  const GgufFile& file() const { return file_; }

 private:
  void expect(const std::string& name, const Shape& shape) const;
  Tensor read(const std::string& name) const;

  GgufFile file_;
  std::string where_;
  ModelConfig config_;
  bool permutes_qk_ = false;
};

// Row h*hd + 2i + j of `t`, the interleaved order of llama.cpp, becomes row h*hd + j*hd/2 + i, for hd =
// head_dim; of weights [heads * head_dim, cols] and of biases [heads * head_dim].
Tensor undo_rotary_permutation(const Tensor& t, int64_t head_dim);

// config.json, tokenizer_config.json and generation_config.json as the metadata implies them.
Companions gguf_companions(const GgufSource& source);
// None when the file holds no vocabulary.
MaybeTokenizer gguf_tokenizer(const GgufSource& source);

}  // namespace fptq
