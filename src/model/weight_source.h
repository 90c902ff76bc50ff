// Where a model's weights come from: a Hugging Face directory, a GGUF file, a quantized checkpoint. The
// formats implement it; the engine and the quantizer read it, one block at a time if they like.
#pragma once

#include <cstdint>
#include <string>

#include "model/config.h"
#include "model/layout.h"
#include "tensor/linear_weights.h"

namespace fptq {

// All names and shapes were checked against the configuration when the source was opened; values are
// checked when read. Tensors stay valid after the source is gone. Thread-safe to read.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  virtual const ModelConfig& config() const = 0;
  // Path of the model, for messages.
  virtual const std::string& where() const = 0;

  virtual LinearWeights linear(int64_t layer, LinearId id) const = 0;
  virtual Tensor norm(int64_t layer, NormId id) const = 0;  // [hidden]
  virtual Tensor final_norm() const = 0;                    // [hidden]
  // [vocab, hidden], floating; a copy of it where it is stored as codes.
  virtual Tensor embedding() const = 0;
  // The same as it is stored: dense, or codes.
  virtual LinearWeights token_table() const {
    LinearWeights table;
    table.rows = config().vocab_size;
    table.cols = config().hidden_size;
    table.weight = embedding();
    return table;
  }
  virtual LinearWeights head() const = 0;  // [vocab, hidden]; the embedding when tied
  // A hint that the block's tensors are not needed soon: mapped pages may be given back.
  virtual void release_block(int64_t layer) const = 0;
};

}  // namespace fptq
