#include "formats/compressed_tensors_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "expect_error.h"
#include "formats/checkpoint.h"
#include "formats/compressed_tensors_writer.h"
#include "formats/manifest.h"
#include "formats/test_models.h"
#include "io/safetensors.h"
#include "io/tensor_set.h"
#include "temp_folder.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

Tensor scalar(Shape shape, DType dtype, float value) {
  std::byte* data = nullptr;
  Tensor t = Tensor::allocate(dtype, std::move(shape), &data);
  if (dtype == DType::kF64) {
    const double wide = value;
    std::memcpy(data, &wide, sizeof wide);
  } else {
    encode_row(dtype, &value, data, 1);
  }
  return t;
}

// A model of our own writer (asymmetric, static inputs on attention) whose tensors and configuration a test
// can change.
class Reader : public ::testing::Test {
 protected:
  void SetUp() override {
    const Json config = tiny_config_json();
    write_model(temp_ / "source", config, random_tensors(config));
    const Checkpoint source = open_checkpoint(temp_ / "source");
    CompressedTensorsWriter writer(temp_ / "model", source, {.dtype = DType::kF32, .fingerprint = "x"}, 1000);
    std::mt19937 random(3);
    for (int64_t layer = 0; layer < 2; ++layer) {
      std::vector<LinearWeights> linears;
      for (const LinearId id : kAllLinears) {
        const bool attention = id <= LinearId::kO;
        linears.push_back(
            random_linear(linear_shape(source.weights->config(), id),
                          {4,
                           16,
                           false,
                           {attention ? ActivationMode::kStaticTensor : ActivationMode::kDynamicToken, true,
                            attention ? 0.1f : 0.0f, 0}},
                          DType::kF32, random));
      }
      writer.put_block(layer, linears, source.weights->norm(layer, NormId::kAttention),
                       source.weights->norm(layer, NormId::kMlp));
    }
    writer.finish("", "{}");
    fs::remove(model() / kManifestName);  // edits are meant here
    const SafetensorsFile file = SafetensorsFile::open(model() / "model.safetensors");
    for (const StoredTensor& t : file.tensors()) tensors_[t.name] = file.tensor(t.name);
  }

  fs::path model() const { return temp_ / "model"; }
  // Each time another folder: what was read before still views the earlier one's file.
  LinearWeights read(LinearId id = LinearId::kQ) {
    edited_ = temp_ / ("edited" + std::to_string(++reads_));
    fs::create_directories(edited_);
    fs::copy_file(model() / "config.json", edited_ / "config.json");
    write_tensors(edited_ / "model.safetensors", tensors_);
    return open_checkpoint(edited_).weights->linear(0, id);
  }
  void refused(const std::vector<std::string>& words, LinearId id = LinearId::kQ) {
    expect_error(ErrorKind::kBadModel, words, [&] { read(id); });
  }
  Json::json_pointer group(const char* rest) {
    return Json::json_pointer(std::string("/quantization_config/config_groups/group_0") + rest);
  }
  void edit(const char* pointer, Json value) {
    edit_json(model() / "config.json", [&](Json& json) { json[group(pointer)] = std::move(value); });
  }
  static constexpr const char* kQ = "model.layers.0.self_attn.q_proj";
  Tensor& q(const char* suffix) { return tensors_[std::string(kQ) + suffix]; }

  TempFolder temp_;
  Tensors tensors_;
  fs::path edited_;
  int reads_ = 0;
};

TEST_F(Reader, TakesAnInputScaleOfAnyScalarShapeAndType) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{1, 1}}) {
    for (const DType dtype : {DType::kF32, DType::kF64, DType::kBF16}) {
      q(".input_scale") = scalar(shape, dtype, 0.25f);
      EXPECT_EQ(read().activation.scale, 0.25f);
    }
  }
  q(".input_scale") = Tensor::from_floats({2}, std::vector<float>{1, 2});
  refused({"q_proj.input_scale: expected shape [1], found [2]"});
  tensors_.erase(std::string(kQ) + ".input_scale");
  refused({"q_proj.input_scale"});  // the library would use uninitialized memory
}

TEST_F(Reader, RefusesScalesThatAreNoScales) {
  for (const float bad :
       {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    q(".input_scale") = scalar({1}, DType::kF32, bad);
    refused({"q_proj", "input_scale is"});
  }
  q(".input_scale") = scalar({1}, DType::kF32, 0.5f);
  for (const float bad :
       {0.0f, -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> scales(32 * 2, 0.5f);
    scales[5] = bad;
    q(".weight_scale") = Tensor::from_floats({32, 2}, scales);
    refused({"q_proj", "weight_scale[5] is"});
  }
}

TEST_F(Reader, RefusesTensorsThatDoNotFit) {
  const Tensors good = tensors_;
  q(".weight_scale") = Tensor::from_floats({32, 1}, std::vector<float>(32, 1.0f));
  refused({"q_proj.weight_scale: expected shape [32, 2], found [32, 1]"});
  tensors_ = good;
  q(".weight_zero_point") = Tensor::from_floats({4, 2}, std::vector<float>(8, 1.0f));
  refused({"q_proj.weight_zero_point: expected type I32, found F32"});
  tensors_ = good;
  tensors_.erase(std::string(kQ) + ".weight_zero_point");
  refused({"q_proj.weight_zero_point"});
  tensors_ = good;
  tensors_.erase(std::string(kQ) + ".weight_shape");
  refused({"q_proj.weight_shape"});
  std::byte* data = nullptr;
  q(".weight_shape") = Tensor::allocate(DType::kI32, {2}, &data);
  const int32_t wrong[2] = {32, 31}, right[2] = {32, 32};
  std::memcpy(data, wrong, sizeof wrong);
  refused({"q_proj.weight_shape: expected [32, 32], found [32, 31]"});
  std::memcpy(data, right, sizeof right);
  EXPECT_NO_THROW(read());  // I32 is fine, as in the library
  q(".weight_g_idx") = Tensor::from_floats({32}, std::vector<float>(32));
  refused({"weight_g_idx", "activation order"});
}

TEST_F(Reader, RefusesConfigurationsThatDoNotFitTheFile) {
  const std::string good = read_text_file(model() / "config.json");
  edit("/weights/group_size", 8);
  refused({"q_proj.weight_scale: expected shape [32, 4], found [32, 2]"});
  edit("/weights/group_size", 24);
  refused({"q_proj", "group size 24 does not divide 32 inputs"});
  write_file_atomically(model() / "config.json", good);
  edit("/weights/num_bits", 8);
  refused({"q_proj.weight_packed: expected shape [32, 8], found [32, 4]"});
  write_file_atomically(model() / "config.json", good);
  edit("/format", nullptr);
  refused({"means int-quantized, the file holds weight_packed", "\"format\""});
  write_file_atomically(model() / "config.json", good);
  edit("/targets", Json({"re:.*k_proj$"}));
  refused({"q_proj.weight"});
  write_file_atomically(model() / "config.json", good);
  edit_json(model() / "config.json", [](Json& json) {
    json["quantization_config"]["config_groups"]["group_0"]["targets"].push_back("Linear");
    json["quantization_config"]["ignore"] = nullptr;
  });
  refused({"takes in lm_head, which is the embedding"});
}

TEST_F(Reader, ReadsPlainCodesAsPackedOnes) {
  const LinearWeights packed = read();
  std::byte* data = nullptr;
  Tensor codes = Tensor::allocate(DType::kI8, {32, 32}, &data);
  for (int64_t r = 0; r < 32; ++r) {
    for (int64_t c = 0; c < 32; ++c) {
      data[r * 32 + c] = static_cast<std::byte>(
          ((static_cast<int>(packed.codes.view().row(r)[c / 2]) >> (4 * (c % 2))) & 15) - 8);
    }
  }
  for (const char* module : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
    for (const int64_t layer : {0, 1}) {
      const std::string name = fmt::format("model.layers.{}.self_attn.{}", layer, module);
      const int64_t rows = std::string(module) == "k_proj" || std::string(module) == "v_proj" ? 16 : 32;
      tensors_.erase(name + ".weight_packed");
      tensors_.erase(name + ".weight_shape");
      tensors_[name + ".weight"] =
          Tensor({DType::kI8, {rows, 32}, codes.bytes().first(static_cast<size_t>(rows * 32))},
                 std::make_shared<const Tensor>(codes));
      Tensor zero = Tensor::allocate(DType::kI8, {rows, 2}, &data);
      std::memset(data, 3, static_cast<size_t>(rows) * 2);
      tensors_[name + ".weight_zero_point"] = zero;
    }
  }
  edit("/format", "int-quantized");
  const LinearWeights plain = read();
  EXPECT_TRUE(same_tensor(plain.codes, packed.codes));
  EXPECT_EQ(static_cast<int>(plain.zero_points.bytes()[0]), 3);
  EXPECT_EQ(plain.spec, packed.spec);
}

TEST_F(Reader, ReadsOneScaleForAWholeMatrix) {
  edit("/weights", {{"num_bits", 4}, {"strategy", "tensor"}});
  for (auto& [name, t] : tensors_) {
    if (name.find("self_attn") != std::string::npos && name.ends_with("weight_scale"))
      t = scalar({1}, DType::kF32, 0.5f);
  }
  const LinearWeights w = read();
  EXPECT_EQ(w.spec, (WeightSpec{.bits = 4, .per_tensor = true}));
  EXPECT_EQ(w.scales.shape(), (Shape{32, 1}));
  for (const float s : w.scales.to_floats()) EXPECT_EQ(s, 0.5f);
}

TEST_F(Reader, WarnsOfTensorsThatNobodyUses) {
  q(".weight_zero_point_2") = scalar({1}, DType::kF32, 1);
  read();
  const Checkpoint checkpoint = open_checkpoint(edited_);
  ASSERT_EQ(checkpoint.warnings.size(), 1u);
  EXPECT_THAT(checkpoint.warnings[0], HasSubstr("1 tensor is not part of the model and not used: "
                                                "model.layers.0.self_attn.q_proj.weight_zero_point_2"));
}

// Checks against a checkpoint that numpy wrote and transformers with compressed-tensors ran.
class Golden : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(models_ / "golden-w4a8")) GTEST_SKIP() << "no ../shared/models here";
  }
  const fs::path models_ = fs::path(FPTQ_SOURCE_DIR) / "../shared/models";
};

// W4 RTN of the dense model as the README states it: scale amax / 7.5 per 64 inputs, half to even.
TEST_F(Golden, WeightsAreThoseOfTheDenseModelRounded) {
  const Checkpoint golden = open_checkpoint(models_ / "golden-w4a8"),
                   dense = open_checkpoint(models_ / "tinystories-656k");
  EXPECT_THAT(golden.warnings, ::testing::IsEmpty());
  EXPECT_FALSE(static_cast<bool>(golden.tokenizer));
  expect_error(ErrorKind::kBadModel, {"golden-w4a8", "has no tokenizer"},
               [&] { golden.tokenizer->vocab_size(); });
  for (int64_t layer = 0; layer < 2; ++layer) {
    for (const LinearId id : kAllLinears) {
      const LinearWeights w = golden.weights->linear(layer, id);
      EXPECT_EQ(w.spec, (WeightSpec{4, 64, true}));
      EXPECT_EQ(w.activation.mode,
                id == LinearId::kDown ? ActivationMode::kDynamicToken : ActivationMode::kStaticTensor);
      const std::vector<float> found = dequantized(w);
      const AlignedBuffer<float> original = dense.weights->linear(layer, id).weight.to_floats();
      ASSERT_EQ(found.size(), original.size());
      for (size_t begin = 0; begin < original.size(); begin += 64) {
        float amax = 0;
        for (size_t i = begin; i < begin + 64; ++i) amax = std::max(amax, std::abs(original[i]));
        const float scale = amax / 7.5f;
        for (size_t i = begin; i < begin + 64; ++i) {
          const float code = std::nearbyint(std::min(std::max(original[i] / scale, -8.0f), 7.0f));
          ASSERT_EQ(found[i], code * scale) << module_name(layer, id) << " element " << i;
        }
      }
    }
  }
}

// The reference's int8 codes follow from its inputs and the input_scale of the file alone.
TEST_F(Golden, InputScalesGiveTheReferenceCodes) {
  const Checkpoint golden = open_checkpoint(models_ / "golden-w4a8");
  const SafetensorsFile expected =
      SafetensorsFile::open(models_ / "golden-w4a8/reference/expected.safetensors");
  int checked = 0;
  for (int64_t layer = 0; layer < 2; ++layer) {
    for (const LinearId id : kAllLinears) {
      const std::string module = module_name(layer, id);
      if (id == LinearId::kDown || expected.find(module + ".in") == nullptr) continue;
      const float scale = golden.weights->linear(layer, id).activation.scale;
      const AlignedBuffer<float> x = expected.tensor(module + ".in").to_floats();
      const Tensor codes = expected.tensor(module + ".q");
      ASSERT_EQ(codes.dtype(), DType::kI8);
      for (size_t i = 0; i < x.size(); ++i) {
        const float code = std::nearbyint(std::min(std::max(x[i] / scale, -128.0f), 127.0f));
        ASSERT_EQ(static_cast<int8_t>(codes.bytes()[i]), static_cast<int>(code))
            << module << " element " << i;
      }
      ++checked;
    }
  }
  EXPECT_GE(checked, 6);
}

}  // namespace
}  // namespace fptq
