// A model of random weights in memory, for tests of whatever reads a WeightSource.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "model/shapes.h"
#include "model/weight_source.h"

namespace fptq {

class SyntheticSource : public WeightSource {
 public:
  explicit SyntheticSource(ModelConfig config, DType dtype = DType::kF32)
      : config_(std::move(config)), dtype_(dtype) {}

  static ModelConfig small_config() {
    ModelConfig c;
    c.family = "llama";
    c.hidden_size = 64;
    c.intermediate_size = 96;
    c.num_layers = 3;
    c.num_heads = 4;
    c.num_kv_heads = 2;
    c.head_dim = 16;
    c.vocab_size = 300;
    c.max_position = 128;
    c.tied_embeddings = true;
    return c;
  }

  const ModelConfig& config() const override { return config_; }
  const std::string& where() const override { return where_; }
  LinearWeights linear(int64_t layer, LinearId id) const override {
    const auto [rows, cols] = linear_shape(config_, id);
    LinearWeights w;
    w.rows = rows;
    w.cols = cols;
    w.weight = random({rows, cols}, static_cast<uint64_t>(layer * 16 + static_cast<int64_t>(id)), 0.2f);
    if (config_.qkv_bias && id <= LinearId::kV)
      w.bias = random({rows}, 1000 + static_cast<uint64_t>(layer), 0.1f);
    return w;
  }
  Tensor norm(int64_t layer, NormId id) const override {
    return random({config_.hidden_size}, 500 + static_cast<uint64_t>(layer * 2) + (id == NormId::kMlp), 0.3f,
                  1.0f);
  }
  Tensor final_norm() const override { return random({config_.hidden_size}, 600, 0.2f, 1.0f); }
  Tensor embedding() const override { return random({config_.vocab_size, config_.hidden_size}, 700, 1.0f); }
  LinearWeights head() const override {
    LinearWeights w;
    w.rows = config_.vocab_size;
    w.cols = config_.hidden_size;
    w.weight = embedding();
    return w;
  }
  void release_block(int64_t) const override {}

 private:
  Tensor random(Shape shape, uint64_t seed, float spread, float center = 0.0f) const {
    std::mt19937_64 generator(seed);
    const int64_t n = element_count(shape, "synthetic");
    std::vector<float> values(static_cast<size_t>(n));
    for (float& v : values) v = center + spread * (static_cast<float>(generator() >> 40) * 0x1p-23f - 1.0f);
    std::byte* data = nullptr;
    Tensor t = Tensor::allocate(dtype_, std::move(shape), &data);
    encode_row(dtype_, values.data(), data, n);
    return t;
  }

  ModelConfig config_;
  DType dtype_;
  std::string where_ = "synthetic";
};

}  // namespace fptq
