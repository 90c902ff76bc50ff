// Looking into a model without running it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fptq {

struct TensorSummary {
  std::string name;
  std::string dtype;  // as stored: "BF16", "Q4_1", "int4 g64 sym"
  std::vector<int64_t> shape;
  uint64_t bytes = 0;                     // stored, scales and zero points included
  std::string activation;                 // "", "static 0.0312", "token"
  double min = 0, max = 0, abs_mean = 0;  // of the values (dequantized)
};

struct ModelSummary {
  std::string path;
  std::string format;  // "huggingface", "gguf", "compressed-tensors"
  std::string family;
  int64_t parameters = 0;
  uint64_t file_bytes = 0;
  int64_t layers = 0, hidden_size = 0, intermediate_size = 0, heads = 0, kv_heads = 0, head_dim = 0,
          vocab_size = 0, max_position = 0;
  bool tied_embeddings = false;
  double bits_per_weight = 0;  // of the block's linear layers
  std::vector<TensorSummary> tensors;
  std::vector<std::string> warnings;
};

// `values`: also read every tensor for its range (slow on a large model).
ModelSummary inspect(const std::string& model, bool values = true);

}  // namespace fptq
