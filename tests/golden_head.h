// Final norm and head of golden data behind blocks that nobody asks for. For tests.
#pragma once

#include <vector>

#include "base/json.h"
#include "synthetic_source.h"

namespace fptq {

class GoldenHead : public SyntheticSource {
 public:
  // Members hidden_size, vocab_size, eps, final_norm and head of `json`.
  explicit GoldenHead(const Json& json) : SyntheticSource(config_of(json)), json_(json) {}
  Tensor final_norm() const override {
    return Tensor::from_floats({config().hidden_size}, json_["final_norm"].get<std::vector<float>>());
  }
  Tensor embedding() const override {
    return Tensor::from_floats({config().vocab_size, config().hidden_size},
                               json_["head"].get<std::vector<float>>());
  }

 private:
  static ModelConfig config_of(const Json& json) {
    ModelConfig config = small_config();
    config.hidden_size = json["hidden_size"];
    config.vocab_size = json["vocab_size"];
    config.rms_norm_eps = json["eps"];
    return config;
  }

  const Json json_;
};

}  // namespace fptq
