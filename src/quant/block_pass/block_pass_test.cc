#include "quant/block_pass/block_pass.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "model/shapes.h"
#include "quant/golden_data.h"
#include "quant/made_data.h"

namespace fptq {
namespace {

using Floats = std::vector<float>;

ActivationSpec activation_of(const Json& json) {
  const auto mode = json["mode"].get<std::string>();
  if (mode == "float") return {};
  if (mode == "token") return {.mode = ActivationMode::kDynamicToken};
  if (mode == "token asymmetric") return {.mode = ActivationMode::kDynamicToken, .symmetric = false};
  const int zero = json["zero"];
  return {ActivationMode::kStaticTensor, zero == 0, json["scale"], zero};
}

// The block of testdata/make_block_gradients.py.
struct GoldenBlock {
  explicit GoldenBlock(const Json& json) : data(json) {
    config.hidden_size = json["hidden_size"];
    config.intermediate_size = json["intermediate_size"];
    config.num_heads = json["num_heads"];
    config.num_kv_heads = json["num_kv_heads"];
    config.head_dim = json["head_dim"];
    config.sliding_window = json["sliding_window"];
    config.rms_norm_eps = json["rms_norm_eps"];
    config.rope.theta = json["rope_theta"];
    for (const LinearId id : kAllLinears) {
      weights[static_cast<size_t>(id)] = json["weights"][name(id)].get<Floats>();
      if (json["biases"].contains(name(id)))
        biases[static_cast<size_t>(id)] = json["biases"][name(id)].get<Floats>();
    }
    int64_t begin = 0;
    for (const int64_t length : json["lengths"]) {
      windows.push_back({begin, length});
      begin += length;
    }
  }

  static std::string name(LinearId id) {
    const std::string module = short_name(id);  // "q_proj"
    return module.substr(0, module.find('_'));
  }

  BlockFacts facts(const Json& activations) const {
    BlockFacts f{.config = &config,
                 .layer = 0,
                 .attention_norm = attention_norm,
                 .mlp_norm = mlp_norm,
                 .activations = {},
                 .biases = {}};
    for (size_t i = 0; i < f.activations.size(); ++i) f.activations[i] = activation_of(activations[i]);
    for (size_t i = 0; i < biases.size(); ++i) f.biases[i] = biases[i];
    return f;
  }
  BlockBatch batch() const { return {windows, inputs.data(), targets.data(), token_weights.data()}; }
  void load(BlockPass& pass) const {
    for (const LinearId id : kAllLinears) {
      const auto [rows, cols] = linear_shape(config, id);
      pass.set_weights(id, dense(rows, cols, weights[static_cast<size_t>(id)]));
    }
  }
  int64_t tokens() const { return windows.back().begin + windows.back().count; }

  const Json data;
  ModelConfig config;
  std::array<Floats, kAllLinears.size()> weights, biases;
  Floats attention_norm = data["norms"][0], mlp_norm = data["norms"][1], inputs = data["inputs"],
         targets = data["targets"], token_weights = data["token_weights"];
  std::vector<TokenWindow> windows;
};

using Gradients = std::map<InputId, Floats>;

Gradients gradients_of(BlockPass& pass, const GoldenBlock& block, const MoreGradients* more = nullptr) {
  Gradients gradients;
  pass.backward(
      block.batch(),
      [&](InputId input, const float* gradient) {
        int64_t count = 0;
        for (const LinearId id : input_facts(input).consumers) {
          const auto [rows, cols] = linear_shape(block.config, id);
          count += rows * cols;
        }
        gradients[input] = Floats(gradient, gradient + count);
      },
      more);
  return gradients;
}

// Of the whole array.
void expect_close(const float* actual, const Floats& expected, const std::string& what) {
  double error = 0.0, size = 0.0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(static_cast<double>(actual[i] - expected[i]), 2);
    size += std::pow(static_cast<double>(expected[i]), 2);
  }
  EXPECT_GT(size, 0.0) << what;
  EXPECT_LT(std::sqrt(error / size), 1e-5) << what;
}

TEST(BlockPass, LossAndGradientsArePyTorchs) {
  const GoldenBlock block(golden("block_gradients.json"));
  for (const Json& c : block.data["cases"]) {
    SCOPED_TRACE(c["activations"].dump());
    ThreadPool pool(2);
    BlockPass pass(block.facts(c["activations"]), block.tokens(), pool);
    block.load(pass);
    pass.forward(block.batch());
    EXPECT_NEAR(pass.compare(block.batch()) / c["loss"].get<double>(), 1.0, 2e-6);
    Floats inputs(block.inputs.size()), attention_norm(block.attention_norm.size()),
        mlp_norm(block.mlp_norm.size());
    const MoreGradients more{inputs.data(), attention_norm.data(), mlp_norm.data()};
    const Gradients gradients = gradients_of(pass, block, &more);
    for (const LinearId id : kAllLinears) {
      const float* actual =
          gradients.at(input_of(id)).data() + pass.first_row(id) * linear_shape(block.config, id).cols;
      expect_close(actual, c["gradients"][GoldenBlock::name(id)], GoldenBlock::name(id));
    }
    expect_close(inputs.data(), c["inputs_gradient"], "inputs");
    expect_close(attention_norm.data(), c["norm_gradients"][0], "attention norm");
    expect_close(mlp_norm.data(), c["norm_gradients"][1], "MLP norm");
  }
}

// The loss itself, along a random direction of each stack of weights.
TEST(BlockPass, GradientsAreTheSlopeOfTheLoss) {
  const GoldenBlock block(golden("block_gradients.json"));
  ThreadPool pool(1);
  BlockPass pass(block.facts(block.data["cases"][0]["activations"]), block.tokens(), pool);
  block.load(pass);
  pass.forward(block.batch());
  pass.compare(block.batch());
  const Gradients gradients = gradients_of(pass, block);
  for (const auto& [input, gradient] : gradients) {
    const Floats start(pass.weights(input), pass.weights(input) + gradient.size());
    double slope = 0.0;
    const auto loss = [&](float step) {
      for (size_t i = 0; i < start.size(); ++i) {
        pass.weights(input)[i] = start[i] + step * (gradient[i] > 0.0f ? 1.0f : -1.0f);
      }
      pass.forward(block.batch());
      return pass.compare(block.batch());
    };
    for (const float g : gradient) slope += std::fabs(static_cast<double>(g));
    const float step = 0x1p-9f;
    const double measured = (loss(step) - loss(-step)) / (2.0 * static_cast<double>(step));
    EXPECT_NEAR(measured / slope, 1.0, 2e-3) << input_facts(input).name;
    loss(0.0f);
  }
}

// For a loss behind the block: the gradient of its output is put in place of compare()'s.
TEST(BlockPass, ALossFurtherOnGivesTheSameGradientsAfterAnotherBlock) {
  const GoldenBlock block(golden("block_gradients.json"));
  const Json& cases = block.data["cases"];
  ThreadPool pool(2);
  BlockPass pass(block.facts(cases[0]["activations"]), block.tokens(), pool);
  block.load(pass);
  pass.forward(block.batch());
  pass.move_to(block.facts(cases[1]["activations"]));
  block.load(pass);
  const Floats output(pass.forward(block.batch()), pass.forward(block.batch()) + block.inputs.size());
  double total = 0.0;
  for (const float w : block.token_weights) total += static_cast<double>(w);
  const size_t width = block.attention_norm.size();
  for (size_t i = 0; i < output.size(); ++i) {
    pass.output_gradient()[i] = static_cast<float>(2.0 * static_cast<double>(block.token_weights[i / width]) /
                                                   (total * static_cast<double>(width))) *
                                (output[i] - block.targets[i]);
  }
  const Gradients gradients = gradients_of(pass, block);
  for (const LinearId id : kAllLinears) {
    const float* actual =
        gradients.at(input_of(id)).data() + pass.first_row(id) * linear_shape(block.config, id).cols;
    expect_close(actual, cases[1]["gradients"][GoldenBlock::name(id)], GoldenBlock::name(id));
  }
}

TEST(BlockPass, SameBitsForAnyNumberOfThreadsAndAgain) {
  const GoldenBlock block(golden("block_gradients.json"));
  const Json& activations = block.data["cases"][1]["activations"];
  std::vector<std::pair<double, Gradients>> results;
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    BlockPass pass(block.facts(activations), block.tokens(), pool);
    block.load(pass);
    for (int again = 0; again < 2; ++again) {
      pass.forward(block.batch());
      const double loss = pass.compare(block.batch());
      results.emplace_back(loss, gradients_of(pass, block));
    }
  }
  for (const auto& result : results) EXPECT_EQ(result, results.front());
}

}  // namespace
}  // namespace fptq
