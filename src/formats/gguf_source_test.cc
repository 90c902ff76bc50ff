#include "formats/gguf_source.h"

#include <gmock/gmock.h>

#include <numbers>

#include "expect_error.h"
#include "formats/checkpoint.h"
#include "formats/test_models.h"
#include "io/test_files.h"
#include "model/families/read_gguf.h"
#include "temp_folder.h"

namespace fptq {
namespace {

using ::testing::ElementsAre;

// A GGUF of two layers, made of the dense tensors of the tiny model as llama.cpp's converter lays them out.
class Gguf : public ::testing::Test {
 protected:
  static constexpr uint32_t kU32 = 4, kF32 = 6, kBool = 7;

  Gguf() {
    number("llama.embedding_length", 32);
    number("llama.feed_forward_length", 172);
    number("llama.block_count", 2);
    number("llama.attention.head_count", 4);
    number("llama.attention.head_count_kv", 2);
    number("llama.context_length", 64);
    number("tokenizer.ggml.bos_token_id", 1);
    number("tokenizer.ggml.eos_token_id", 2);
    pairs_["llama.attention.layer_norm_rms_epsilon"] = little_endian(kF32) + little_endian(1e-5f);
    text("general.architecture", "llama");
    const char* names[] = {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"};
    for (int64_t layer = 0; layer < 2; ++layer) {
      const std::string blk = "blk." + std::to_string(layer) + ".";
      for (const LinearId id : kAllLinears) {
        Tensor t = dense_[module_name(layer, id) + ".weight"];
        if (id == LinearId::kQ || id == LinearId::kK) t = interleaved(t);
        tensors_[blk + names[static_cast<size_t>(id)] + ".weight"] = t;
      }
      tensors_[blk + "attn_norm.weight"] = dense_[norm_module_name(layer, NormId::kAttention) + ".weight"];
      tensors_[blk + "ffn_norm.weight"] = dense_[norm_module_name(layer, NormId::kMlp) + ".weight"];
    }
    tensors_["output_norm.weight"] = dense_["model.norm.weight"];
    tensors_["token_embd.weight"] = dense_["model.embed_tokens.weight"];
  }

  // Heads of 8 rows in the order that llama.cpp's converter gives them (docs/formats.md §4).
  static Tensor interleaved(const Tensor& t) {
    const int64_t order[8] = {0, 4, 1, 5, 2, 6, 3, 7};
    std::byte* out = nullptr;
    Tensor result = Tensor::allocate(t.dtype(), t.shape(), &out);
    const size_t bytes = t.view().row_bytes();
    for (int64_t r = 0; r < t.view().rows(); ++r) {
      std::memcpy(out + static_cast<size_t>(r) * bytes, t.view().row(r / 8 * 8 + order[r % 8]), bytes);
    }
    return result;
  }

  void number(const std::string& key, uint32_t v) { pairs_[key] = little_endian(kU32) + little_endian(v); }
  void text(const std::string& key, const std::string& v) {
    pairs_[key] = little_endian<uint32_t>(8) + little_endian<uint64_t>(v.size()) + v;
  }
  std::filesystem::path write() {
    GgufBuilder file(tensors_.size(), pairs_.size());
    for (const auto& [key, value] : pairs_) file.text(key).raw(value);
    std::string data;
    for (const auto& [name, t] : tensors_) {
      data.resize((data.size() + 31) / 32 * 32);
      file.text(name).number(static_cast<uint32_t>(t.shape().size()));
      for (auto d = t.shape().rbegin(); d != t.shape().rend(); ++d) file.number(*d);
      const uint32_t type = t.dtype() == DType::kF32    ? 0
                            : t.dtype() == DType::kF16  ? 1
                            : t.dtype() == DType::kQ8_0 ? 8
                                                        : 30;
      file.number(type).number<uint64_t>(data.size());
      data.append(reinterpret_cast<const char*>(t.bytes().data()), t.bytes().size());
    }
    file.data(0).raw(data + std::string((32 - data.size() % 32) % 32, '\0'));
    return temp_.write("model.gguf", file.bytes());
  }
  Checkpoint open() { return open_checkpoint(write()); }
  void refused(const std::vector<std::string>& words) {
    expect_error(ErrorKind::kBadModel, words, [&] { open(); });
  }

  TempFolder temp_;
  Tensors dense_ = random_tensors(tiny_config_json());
  Tensors tensors_;
  std::map<std::string, std::string> pairs_;
};

TEST_F(Gguf, GivesTheTensorsInHuggingFacesOrder) {
  const Checkpoint model = open();
  EXPECT_EQ(model.format, "gguf");
  EXPECT_FALSE(model.quantized);
  const WeightSource& w = *model.weights;
  for (int64_t layer = 0; layer < 2; ++layer) {
    for (const LinearId id : kAllLinears) {
      EXPECT_TRUE(same_tensor(w.linear(layer, id).weight, dense_[module_name(layer, id) + ".weight"]))
          << module_name(layer, id);
    }
    EXPECT_TRUE(same_tensor(w.norm(layer, NormId::kAttention),
                            dense_[norm_module_name(layer, NormId::kAttention) + ".weight"]));
    EXPECT_TRUE(
        same_tensor(w.norm(layer, NormId::kMlp), dense_[norm_module_name(layer, NormId::kMlp) + ".weight"]));
    w.release_block(layer);
  }
  EXPECT_TRUE(same_tensor(w.final_norm(), dense_["model.norm.weight"]));
  EXPECT_TRUE(same_tensor(w.head().weight, dense_["model.embed_tokens.weight"]));
}

TEST_F(Gguf, ReadsTheConfiguration) {
  const Checkpoint model = open();
  const ModelConfig& c = model.weights->config();
  EXPECT_EQ(c.family, "llama");
  EXPECT_EQ(c.head_dim, 8);
  EXPECT_EQ(c.vocab_size, 40);
  EXPECT_FLOAT_EQ(c.rms_norm_eps, 1e-5f);
  EXPECT_TRUE(c.tied_embeddings);
  EXPECT_EQ(c.bos_id, 1);
  EXPECT_THAT(c.eos_ids, ElementsAre(2));
  EXPECT_EQ(c.dtype, DType::kF32);
  const Json& written = model.companions.config;
  EXPECT_EQ(written.at("model_type"), "llama");
  EXPECT_EQ(written.at("hidden_size"), 32);
  EXPECT_EQ(model.companions.generation_config.at("eos_token_id"), 2);
}

TEST_F(Gguf, ReadsBiasesAnUntiedHeadAndAWindow) {
  std::mt19937 random(9);
  const Tensor bias = random_tensor({32}, random), k_bias = random_tensor({16}, random),
               head = random_tensor({40, 32}, random);
  for (const char* layer : {"blk.0.", "blk.1."}) {
    tensors_[std::string(layer) + "attn_q.bias"] = interleaved(bias);
    tensors_[std::string(layer) + "attn_k.bias"] = interleaved(k_bias);
    tensors_[std::string(layer) + "attn_v.bias"] = k_bias;
  }
  tensors_["output.weight"] = head;
  const Checkpoint model = open();
  EXPECT_TRUE(same_tensor(model.weights->linear(1, LinearId::kQ).bias, bias));
  EXPECT_TRUE(same_tensor(model.weights->linear(0, LinearId::kK).bias, k_bias));
  EXPECT_TRUE(same_tensor(model.weights->linear(0, LinearId::kV).bias, k_bias));
  EXPECT_FALSE(model.weights->linear(0, LinearId::kO).bias);
  EXPECT_FALSE(model.weights->config().tied_embeddings);
  EXPECT_TRUE(same_tensor(model.weights->head().weight, head));
}

TEST_F(Gguf, AWindowMakesItMistral) {
  number("llama.attention.sliding_window", 16);
  const Checkpoint model = open();
  EXPECT_EQ(model.weights->config().family, "mistral");
  EXPECT_EQ(model.companions.config.at("sliding_window"), 16);
}

TEST_F(Gguf, BlocksStayBlocks) {
  std::byte* data = nullptr;
  Tensor q = Tensor::allocate(DType::kQ8_0, {32, 32}, &data);
  for (int64_t r = 0; r < 32; ++r) {
    const uint16_t scale = 0x3c00;
    std::memcpy(data + r * 34, &scale, 2);
    std::memset(data + r * 34 + 2, static_cast<int>(r), 32);
  }
  tensors_["blk.0.attn_q.weight"] = interleaved(q);
  {
    const Checkpoint model = open();
    EXPECT_TRUE(same_tensor(model.weights->linear(0, LinearId::kQ).weight, q));
  }
  const uint16_t infinite = 0x7c00;
  std::memcpy(data + 5 * 34, &infinite, 2);
  tensors_["blk.0.attn_q.weight"] = q;
  const Checkpoint model = open();
  expect_error(ErrorKind::kBadModel,
               {"model.gguf:blk.0.attn_q.weight: the scale of block 5 is not a finite number"},
               [&] { model.weights->linear(0, LinearId::kQ); });
}

TEST_F(Gguf, ChecksNamesShapesAndMetadata) {
  const auto good_tensors = tensors_;
  const auto good_pairs = pairs_;
  const auto reset = [&] { tensors_ = good_tensors, pairs_ = good_pairs; };
  tensors_.erase("blk.1.ffn_up.weight");
  refused({"model.gguf:blk.1.ffn_up.weight"});
  reset();
  tensors_["blk.0.attn_k.weight"] = tensors_["blk.0.attn_q.weight"];
  refused({"blk.0.attn_k.weight: expected shape [16, 32], found [32, 32]"});
  reset();
  number("llama.vocab_size", 41);
  refused({"token_embd.weight: expected shape [41, 32]"});
  reset();
  text("general.architecture", "phi3");
  refused({"general.architecture: model family \"phi3\" is not supported", "llama, qwen2"});
  reset();
  number("llama.expert_count", 8);
  refused({"llama.expert_count: mixtures of experts"});
  reset();
  number("llama.rope.dimension_count", 4);
  refused({"llama.rope.dimension_count: expected the head dimension 8, found 4"});
  reset();
  text("llama.rope.scaling.type", "longrope");
  refused({"llama.rope.scaling.type: \"longrope\" is not supported"});
  reset();
  pairs_.erase("llama.block_count");
  refused({"llama.block_count"});
  reset();
  number("llama.attention.head_count", 5);
  refused({"llama.attention.head_count: 5 heads do not divide"});
}

TEST_F(Gguf, ReadsRopeScaling) {
  text("llama.rope.scaling.type", "yarn");
  pairs_["llama.rope.scaling.factor"] = little_endian(kF32) + little_endian(4.0f);
  number("llama.rope.scaling.original_context_length", 16);
  const RopeConfig yarn = open().weights->config().rope;
  EXPECT_EQ(yarn.scaling, RopeScaling::kYarn);
  EXPECT_EQ(yarn.factor, 4.0);
  EXPECT_EQ(yarn.original_max_position, 16);
}

// The factors that llama.cpp's converter writes for Llama 3.1 (factor 8, 1, 4, 8192).
std::vector<float> llama31_factors(double theta, int64_t head_dim, double original) {
  std::vector<float> out;
  for (int64_t i = 0; i < head_dim / 2; ++i) {
    const double wavelength =
        2 * std::numbers::pi * std::pow(theta, 2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    if (wavelength < original / 4) {
      out.push_back(1);
    } else if (wavelength > original) {
      out.push_back(8);
    } else {
      const double smooth = (original / wavelength - 1) / 3;
      out.push_back(static_cast<float>(1 / ((1 - smooth) / 8 + smooth)));
    }
  }
  return out;
}

TEST(FrequencyFactors, OfLlama3AreToldInHuggingFacesTerms) {
  RopeConfig rope;
  rope.theta = 500000;
  set_frequency_factors(rope, llama31_factors(500000, 128, 8192), 128);
  EXPECT_EQ(rope.scaling, RopeScaling::kLlama3);
  EXPECT_EQ(rope.factor, 8.0);
  EXPECT_EQ(rope.original_max_position, 8192);
  EXPECT_TRUE(rope.frequency_factors.empty());
}

TEST(FrequencyFactors, OfAnotherKindAreKept) {
  RopeConfig rope;
  rope.theta = 500000;
  const std::vector<float> factors = llama31_factors(500000, 128, 4096);
  set_frequency_factors(rope, factors, 128);
  EXPECT_EQ(rope.scaling, RopeScaling::kNone);
  EXPECT_EQ(rope.frequency_factors, factors);
  RopeConfig ones;
  set_frequency_factors(ones, std::vector<float>(64, 1.0f), 128);
  EXPECT_EQ(ones.scaling, RopeScaling::kNone);
  EXPECT_TRUE(ones.frequency_factors.empty());
}

}  // namespace
}  // namespace fptq
