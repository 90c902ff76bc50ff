#include "formats/checkpoint.h"

#include <gmock/gmock.h>

#include <limits>

#include "expect_error.h"
#include "formats/test_models.h"
#include "temp_folder.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HuggingFace : public ::testing::Test {
 protected:
  Checkpoint open() { return open_checkpoint(write_model(temp_ / "model", config_, tensors_)); }
  void refused(const std::vector<std::string>& words) {
    expect_error(ErrorKind::kBadModel, words, [&] { open(); });
  }

  TempFolder temp_;
  Json config_ = tiny_config_json();
  Tensors tensors_ = random_tensors(config_, DType::kBF16);
};

TEST_F(HuggingFace, GivesEveryTensor) {
  const Checkpoint model = open();
  EXPECT_EQ(model.format, "huggingface");
  EXPECT_FALSE(model.quantized);
  EXPECT_THAT(model.warnings, IsEmpty());
  EXPECT_EQ(model.file_bytes, fs::file_size(temp_ / "model/model.safetensors"));
  const WeightSource& w = *model.weights;
  EXPECT_EQ(w.config().dtype, DType::kBF16);  // of the tensors; config.json says float32
  EXPECT_TRUE(same_tensor(w.embedding(), tensors_["model.embed_tokens.weight"]));
  EXPECT_TRUE(same_tensor(w.head().weight, tensors_["model.embed_tokens.weight"]));
  EXPECT_TRUE(same_tensor(w.final_norm(), tensors_["model.norm.weight"]));
  for (int64_t layer = 0; layer < 2; ++layer) {
    for (const LinearId id : kAllLinears) {
      EXPECT_TRUE(same_tensor(w.linear(layer, id).weight, tensors_[module_name(layer, id) + ".weight"]));
    }
    EXPECT_TRUE(same_tensor(w.norm(layer, NormId::kMlp),
                            tensors_[norm_module_name(layer, NormId::kMlp) + ".weight"]));
    w.release_block(layer);
  }
  const Tensor kept = [&] { return open_checkpoint(temp_ / "model").weights->final_norm(); }();
  EXPECT_TRUE(same_tensor(kept, tensors_["model.norm.weight"]));  // although its source is gone
}

TEST_F(HuggingFace, ChecksPresenceShapesAndTypes) {
  const Tensors good = tensors_;
  tensors_.erase("model.layers.1.mlp.up_proj.weight");
  refused({"model.layers.1.mlp.up_proj.weight"});
  tensors_ = good;
  std::mt19937 random(1);
  tensors_["model.layers.0.self_attn.k_proj.weight"] = random_tensor({32, 32}, random);
  refused(
      {"model.safetensors:model.layers.0.self_attn.k_proj.weight: expected shape [16, 32], found [32, 32]"});
  tensors_ = good;
  std::byte* data = nullptr;
  tensors_["model.norm.weight"] = Tensor::allocate(DType::kI32, {32}, &data);
  refused({"model.norm.weight: expected type F32 or F16 or BF16, found I32"});
  tensors_ = good;
  config_["vocab_size"] = 41;
  refused({"model.embed_tokens.weight: expected shape [41, 32], found [40, 32]"});
  config_ = tiny_config_json();
  config_["num_hidden_layers"] = 3;
  refused({"model.layers.2."});
  config_ = tiny_config_json();
  config_["num_hidden_layers"] = 1;
  EXPECT_THAT(open().warnings, ElementsAre(HasSubstr("9 tensors are not part of the model and not used")));
}

TEST_F(HuggingFace, FindsNumbersThatAreNone) {
  std::byte* data = nullptr;
  Tensor t = Tensor::allocate(DType::kF32, {32}, &data);
  std::vector<float> values(32, 1.0f);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    values[30] = bad;
    tensors_["model.layers.1.input_layernorm.weight"] = Tensor::from_floats({32}, values);
    const Checkpoint model = open();
    expect_error(ErrorKind::kBadModel,
                 {"model.layers.1.input_layernorm.weight: element 30 is not a finite number"},
                 [&] { model.weights->norm(1, NormId::kAttention); });
  }
}

TEST_F(HuggingFace, ATiedHeadMayStandUnderEitherName) {
  tensors_["lm_head.weight"] = tensors_["model.embed_tokens.weight"];
  EXPECT_THAT(open().warnings, IsEmpty());
  tensors_.erase("model.embed_tokens.weight");
  EXPECT_TRUE(same_tensor(open().weights->embedding(), tensors_["lm_head.weight"]));
  std::mt19937 random(5);
  tensors_["model.embed_tokens.weight"] = random_tensor({40, 32}, random);
  const Checkpoint differs = open();
  EXPECT_THAT(
      differs.warnings,
      ElementsAre(HasSubstr("lm_head.weight differs from model.embed_tokens.weight and is not used")));
  EXPECT_TRUE(same_tensor(differs.weights->head().weight, tensors_["model.embed_tokens.weight"]));
}

TEST_F(HuggingFace, AnUntiedHeadMustBeThere) {
  config_["tie_word_embeddings"] = false;
  refused({"lm_head.weight"});
  std::mt19937 random(5);
  tensors_["lm_head.weight"] = random_tensor({40, 32}, random);
  EXPECT_TRUE(same_tensor(open().weights->head().weight, tensors_["lm_head.weight"]));
}

TEST_F(HuggingFace, CarriesCompanions) {
  fs::create_directories(temp_ / "model");
  temp_.write("model/generation_config.json", R"({"eos_token_id": [2, 7], "temperature": 0.6})");
  temp_.write("model/tokenizer_config.json",
              R"({"chat_template": [{"name": "default", "template": "{{x}}"}]})");
  temp_.write("model/special_tokens_map.json", "{}");
  temp_.write("model/LICENSE.txt", "MIT");
  temp_.write("model/modeling_x.py", "raise SystemExit");
  temp_.write("model/optimizer.pt", "x");
  config_["auto_map"] = {{"AutoModel", "modeling_x.Model"}};
  const Checkpoint model = open();
  EXPECT_THAT(model.weights->config().eos_ids, ElementsAre(2, 7));
  EXPECT_EQ(model.companions.chat_template, "{{x}}");
  EXPECT_EQ(model.companions.generation_config.at("temperature"), 0.6);
  EXPECT_THAT(model.companions.copied_files,
              ElementsAre(temp_ / "model/LICENSE.txt", temp_ / "model/special_tokens_map.json"));
  EXPECT_THAT(model.warnings, ElementsAre(HasSubstr("auto_map"), HasSubstr("never run")));
  temp_.write("model/chat_template.jinja", "{{y}}");
  EXPECT_EQ(open().companions.chat_template, "{{y}}");
  temp_.write("model/generation_config.json", R"({"eos_token_id": "x"})");
  refused({"generation_config.json:eos_token_id"});
}

TEST_F(HuggingFace, RefusesOtherQuantizations) {
  for (const char* method : {"gptq", "awq", "hqq"}) {
    config_["quantization_config"] = {{"quant_method", method}, {"bits", 4}};
    refused({"config.json:quantization_config.quant_method", method, "already quantized"});
  }
}

TEST_F(HuggingFace, RefusesBrokenConfigurations) {
  open();
  const auto with_config = [&](const char* text, const std::vector<std::string>& words) {
    temp_.write("model/config.json", text);
    expect_error(ErrorKind::kBadModel, words, [&] { open_checkpoint(temp_ / "model"); });
  };
  with_config("", {"config.json", "not valid JSON"});
  with_config("[]", {"config.json", "expected a JSON object"});
  with_config("{}", {"config.json:model_type"});
  fs::remove(temp_ / "model/config.json");
  expect_error(ErrorKind::kBadModel, {"has no config.json"}, [&] { open_checkpoint(temp_ / "model"); });
}

TEST(OpenCheckpoint, SaysWhatItWasGiven) {
  const TempFolder temp;
  const auto refused = [](const fs::path& path, ErrorKind kind, const std::vector<std::string>& words) {
    expect_error(kind, words, [&] { open_checkpoint(path); });
  };
  refused(temp / "absent", ErrorKind::kIo, {"absent: no such file or directory"});
  const Json config = tiny_config_json();
  write_model(temp / "model", config, random_tensors(config));
  refused(temp / "model/model.safetensors", ErrorKind::kBadModel,
          {"is one file of a model", "give its directory"});
  refused(temp / "model/config.json", ErrorKind::kBadModel, {"give its directory"});
  refused(temp.write("x.bin", std::string("PK\x03\x04....", 8)), ErrorKind::kBadModel,
          {"x.bin", "zip archive", "pickle"});
  refused(temp.write("notes.txt", "hello"), ErrorKind::kBadModel, {"is neither a GGUF file nor"});
  refused(temp.write("short.gguf", "GG"), ErrorKind::kBadModel, {"short.gguf"});
  refused(temp.write("cut.gguf", "GGUF"), ErrorKind::kBadModel, {"cut.gguf"});
  fs::remove(temp / "model/model.safetensors");
  temp.write("model/pytorch_model.bin", "PK");
  refused(temp / "model", ErrorKind::kBadModel, {"pickle"});
  fs::create_directory(temp / "empty");
  temp.write("empty/m.gguf", "GGUF");
  refused(temp / "empty", ErrorKind::kBadModel, {"has no config.json", "m.gguf"});
}

}  // namespace
}  // namespace fptq
