// The small real model in data/ as a WeightSource, with room for damage. For tests of this folder, which lies
// below the formats.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "base/json.h"
#include "fptq/quantize.h"
#include "io/safetensors.h"
#include "model/family.h"
#include "model/weight_source.h"

namespace fptq {

class StorySource : public WeightSource {
 public:
  StorySource() : file_(SafetensorsFile::open(folder() + "/model.safetensors")) {
    const std::string path = folder() + "/config.json";
    const Json json = parse_json(read_text_file(path), path);
    config_ = find_family(json, path).from_json(json, path);
  }

  const ModelConfig& config() const override { return config_; }
  const std::string& where() const override { return where_; }
  LinearWeights linear(int64_t layer, LinearId id) const override {
    // Blocks are read one after another, the layers of one by several threads.
    loaded.store(layer + 1, std::memory_order_relaxed);
    LinearWeights w = dense(module_name(layer, id) + ".weight");
    if (damage) damage(layer, id, w);
    return w;
  }
  Tensor norm(int64_t layer, NormId id) const override {
    return file_.tensor(norm_module_name(layer, id) + ".weight");
  }
  Tensor final_norm() const override { return file_.tensor("model.norm.weight"); }
  Tensor embedding() const override { return file_.tensor("model.embed_tokens.weight"); }
  LinearWeights head() const override { return dense("model.embed_tokens.weight"); }
  void release_block(int64_t layer) const override { released.push_back(layer); }

  // Changes a linear layer on its way out.
  std::function<void(int64_t layer, LinearId id, LinearWeights& w)> damage;
  mutable std::vector<int64_t> released;
  mutable std::atomic<int64_t> loaded = 0;  // the last block that was asked for, plus one

 private:
  static std::string folder() { return std::string(FPTQ_SOURCE_DIR) + "/data/stories260k"; }
  LinearWeights dense(const std::string& name) const {
    LinearWeights w;
    w.weight = file_.tensor(name);
    w.rows = w.weight.shape()[0];
    w.cols = w.weight.shape()[1];
    return w;
  }

  std::string where_ = "stories260k";
  SafetensorsFile file_;
  ModelConfig config_;
};

// The tokens that testdata/make_golden.py calibrated with.
inline std::vector<std::vector<int32_t>> golden_windows(int64_t count = 3, int64_t length = 48) {
  std::vector<std::vector<int32_t>> windows(static_cast<size_t>(count));
  int64_t i = 0;
  for (std::vector<int32_t>& window : windows) {
    for (int64_t t = 0; t < length; ++t, ++i)
      window.push_back(static_cast<int32_t>(3 + (i * i * 7 + i * 13) % 509));
  }
  return windows;
}

// The thresholds that it decided with: every branch is taken.
inline QuantizeOptions options_of_golden() {
  QuantizeOptions o;
  o.method = "fptq";
  o.static_threshold = 3.0;
  o.dynamic_threshold = 6.0;
  o.dtype = "f32";
  return o;
}

}  // namespace fptq
