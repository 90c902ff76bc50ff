// Checkpoints whose layers are not integers of 4 or 8 bits with INT8 inputs, there and back.
#include <gmock/gmock.h>

#include "expect_error.h"
#include "formats/bitsandbytes_tensors.h"
#include "formats/checkpoint.h"
#include "formats/compressed_tensors_writer.h"
#include "formats/manifest.h"
#include "formats/test_models.h"
#include "io/safetensors.h"
#include "random_layer.h"
#include "temp_folder.h"
#include "tensor/scheme_name.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

struct Form {
  WeightSpec weights;
  ActivationSpec input;
  const char* format;  // of its group in config.json; null for bitsandbytes
};

constexpr ActivationSpec kFp8Token{.mode = ActivationMode::kDynamicToken, .type = CodeType::kFloat8E4M3};
constexpr ActivationSpec kFp8Static{
    .mode = ActivationMode::kStaticTensor, .scale = 0.03125f, .type = CodeType::kFloat8E4M3};
constexpr ActivationSpec kInt4Static{.mode = ActivationMode::kStaticTensor, .scale = 0.25f, .bits = 4};
constexpr ActivationSpec kInt4StaticAsym{
    .mode = ActivationMode::kStaticTensor, .symmetric = false, .scale = 0.25f, .zero_point = -3, .bits = 4};
constexpr ActivationSpec kInt8Token{.mode = ActivationMode::kDynamicToken};
constexpr WeightSpec kNf4{.bits = 4, .group_size = 64, .type = CodeType::kNormalFloat4, .nested = true};

// A tiny source model and a checkpoint in its place.
class CodeTypeFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    const Json config = tiny_config_json();
    write_model(temp_ / "source", config, random_tensors(config));
    source_ = open_checkpoint(temp_ / "source");
  }

  std::vector<LinearWeights> block(int64_t layer, const Form& form) const {
    std::mt19937 random(static_cast<uint32_t>(layer + 1));
    std::vector<LinearWeights> out;
    for (const LinearId id : kAllLinears) {
      const MatrixShape shape = linear_shape(source_.weights->config(), id);
      out.push_back(random_layer(shape.rows, shape.cols, form.weights, form.input, DType::kBF16, random));
    }
    return out;
  }

  // As bfloat16, with the last layers as `second`.
  void write(const Form& first, const Form& second) {
    CompressedTensorsWriter writer(output(), source_, {.fingerprint = "x"}, 1000);
    for (int64_t layer = 0; layer < 2; ++layer) {
      writer.put_block(layer, block(layer, layer == 0 ? first : second),
                       source_.weights->norm(layer, NormId::kAttention),
                       source_.weights->norm(layer, NormId::kMlp));
    }
    writer.finish("", "{}");
  }

  void expect_back(const LinearWeights& r, const LinearWeights& w) const {
    EXPECT_EQ(r.spec, w.spec);
    EXPECT_EQ(r.activation, w.activation);
    EXPECT_TRUE(same_tensor(r.codes, w.codes));
    EXPECT_TRUE(same_tensor(r.scales, w.scales));
    EXPECT_TRUE(same_tensor(r.zero_points, w.zero_points));
    EXPECT_EQ(r.nested.offset, w.nested.offset);
    EXPECT_TRUE(same_tensor(r.nested.absmax, w.nested.absmax));
    EXPECT_TRUE(same_tensor(r.nested.map, w.nested.map));
  }

  fs::path output() const { return temp_ / "out"; }
  Json config() const { return parse_json(read_text_file(output() / "config.json"), "config.json"); }

  TempFolder temp_;
  Checkpoint source_;
};

class CodeTypes : public CodeTypeFiles, public ::testing::WithParamInterface<Form> {};

TEST_P(CodeTypes, RoundTrip) {
  const Form& form = GetParam();
  SCOPED_TRACE(scheme_name(form.weights) + ", " + scheme_name(form.input));
  write(form, form);
  const Checkpoint back = open_checkpoint(output());
  EXPECT_EQ(back.format, form.format == nullptr ? "bitsandbytes" : "compressed-tensors");
  EXPECT_TRUE(back.quantized);
  EXPECT_EQ(back.integer_layers, has_integer_kernel(form.weights, form.input));
  EXPECT_THAT(back.warnings, IsEmpty());
  for (int64_t layer = 0; layer < 2; ++layer) {
    const std::vector<LinearWeights> written = block(layer, form);
    for (const LinearId id : kAllLinears)
      expect_back(back.weights->linear(layer, id), written[static_cast<size_t>(id)]);
  }
  if (form.format != nullptr) {
    const Json groups = config()["quantization_config"]["config_groups"];
    ASSERT_EQ(groups.size(), 1u);
    EXPECT_EQ(groups["group_0"]["format"], form.format);
  }
  EXPECT_TRUE(verify_folder(output()).ok()) << verify_folder(output()).problems.front();
}

INSTANTIATE_TEST_SUITE_P(
    All, CodeTypes,
    ::testing::Values(
        Form{{.bits = 8, .type = CodeType::kFloat8E4M3}, kFp8Token, "float-quantized"},
        Form{{.bits = 8, .type = CodeType::kFloat8E4M3, .per_tensor = true}, kFp8Static, "float-quantized"},
        Form{{.bits = 8, .type = CodeType::kFloat8E4M3}, {}, "float-quantized"},
        Form{{.bits = 8, .type = CodeType::kFloat8E5M2}, {}, "float-quantized"},
        Form{{.bits = 8, .group_size = 4, .type = CodeType::kFloat8E5M2}, kFp8Token, "float-quantized"},
        Form{{3, 4, true}, {}, "pack-quantized"}, Form{{3, 4, false}, kInt8Token, "pack-quantized"},
        Form{{.bits = 3, .symmetric = false, .per_tensor = true}, {}, "pack-quantized"},
        Form{{.bits = 4, .per_tensor = true}, kInt8Token, "pack-quantized"},
        Form{{.bits = 4, .symmetric = false, .per_tensor = true}, {}, "pack-quantized"},
        Form{{.bits = 8, .per_tensor = true}, kInt8Token, "int-quantized"},
        Form{{.bits = 8, .symmetric = false, .per_tensor = true}, {}, "pack-quantized"},
        Form{{4, 4, true}, kInt4Static, "pack-quantized"},
        Form{{4, 0, true}, kInt4StaticAsym, "pack-quantized"},
        Form{{4, 4, true}, kFp8Token, "pack-quantized"}, Form{{8, 0, true}, kFp8Token, "int-quantized"},
        Form{kNf4, {}, nullptr},
        Form{{.bits = 4, .group_size = 64, .type = CodeType::kNormalFloat4}, {}, nullptr}));

TEST_F(CodeTypeFiles, GroupsSayWhichIsWhich) {
  const Form fp8{{.bits = 8, .type = CodeType::kFloat8E4M3}, kFp8Token, ""},
      int3{{3, 4, true}, kInt8Token, ""};
  write(fp8, int3);
  const Json quantization = config()["quantization_config"];
  EXPECT_EQ(quantization["format"], "mixed-precision");
  EXPECT_EQ(quantization["config_groups"]["group_0"]["weights"]["type"], "float");
  EXPECT_EQ(quantization["config_groups"]["group_1"]["weights"]["num_bits"], 3);
  const Checkpoint back = open_checkpoint(output());
  expect_back(back.weights->linear(0, LinearId::kUp), block(0, fp8)[static_cast<size_t>(LinearId::kUp)]);
  expect_back(back.weights->linear(1, LinearId::kUp), block(1, int3)[static_cast<size_t>(LinearId::kUp)]);
}

TEST_F(CodeTypeFiles, Nf4StandsAlone) {
  expect_error(ErrorKind::kFailure, {"NF4 cannot be mixed"}, [&] {
    write({kNf4, {}, nullptr}, {{3, 4, true}, {}, ""});
  });
  expect_error(ErrorKind::kFailure, {"NF4 with quantized inputs"}, [&] {
    write({kNf4, kInt8Token, nullptr}, {kNf4, kInt8Token, nullptr});
  });
}

// An NF4 model of our own whose tensors and configuration a test can change.
class Nf4Reader : public CodeTypeFiles {
 protected:
  void SetUp() override {
    CodeTypeFiles::SetUp();
    write({kNf4, {}, nullptr}, {kNf4, {}, nullptr});
    fs::remove(output() / kManifestName);  // edits are meant here
    const SafetensorsFile file = SafetensorsFile::open(output() / "model.safetensors");
    for (const StoredTensor& t : file.tensors()) tensors_[t.name] = file.tensor(t.name);
  }
  Tensor& q(const std::string& suffix) { return tensors_["model.layers.0.self_attn.q_proj" + suffix]; }
  Tensor text(const std::string& text) {
    std::byte* data = nullptr;
    Tensor t = Tensor::allocate(DType::kU8, {std::ssize(text)}, &data);
    std::memcpy(data, text.data(), text.size());
    return t;
  }
  std::string state() {
    const std::span<const std::byte> bytes = q(kNf4State).bytes();
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void set_state(const char* key, Json value) {
    Json json = parse_json(state(), "state");
    json[key] = std::move(value);
    q(kNf4State) = text(json.dump());
  }
  LinearWeights read() {
    const fs::path edited = temp_ / ("edited" + std::to_string(++reads_));
    fs::create_directories(edited);
    fs::copy_file(output() / "config.json", edited / "config.json");
    write_tensors(edited / "model.safetensors", tensors_);
    return open_checkpoint(edited).weights->linear(0, LinearId::kQ);
  }
  void refused(const std::vector<std::string>& words) {
    const Tensors good = tensors_;
    expect_error(ErrorKind::kBadModel, words, [&] { read(); });
    tensors_ = good;
  }
  void refused_config(const char* key, Json value, const std::vector<std::string>& words) {
    const std::string before = read_text_file(output() / "config.json");
    edit_json(output() / "config.json",
              [&](Json& json) { json["quantization_config"][key] = std::move(value); });
    refused(words);
    write_file_atomically(output() / "config.json", before);
  }

  Tensors tensors_;
  int reads_ = 0;
};

TEST_F(Nf4Reader, SaysWhatTransformersReads) {
  const Json c = config()["quantization_config"];
  EXPECT_EQ(c["quant_method"], "bitsandbytes");
  EXPECT_EQ(c["bnb_4bit_quant_type"], "nf4");
  EXPECT_EQ(c["bnb_4bit_use_double_quant"], true);
  EXPECT_EQ(c["llm_int8_skip_modules"], Json({"lm_head"}));
  const Json s = parse_json(state(), "state");
  EXPECT_EQ(s["shape"], Json({32, 32}));
  EXPECT_EQ(s["dtype"], "bfloat16");
  EXPECT_EQ(s["nested_blocksize"], 256);
}

TEST_F(Nf4Reader, RefusesStatesThatDoNotFit) {
  const Tensor good = q(kNf4State);
  const auto state_refused = [&](const char* key, const Json& value, const std::string& words) {
    q(kNf4State) = good;
    set_state(key, value);
    refused({"q_proj.weight.quant_state", words});
  };
  state_refused("quant_type", "fp4", "expected \"nf4\", found \"fp4\"");
  state_refused("shape", Json({32, 31}), "expected [32, 32], found [32,31]");
  state_refused("shape", "x", "shape");
  state_refused("blocksize", 0, "blocksize: found 0");
  state_refused("blocksize", int64_t{1} << 62, "blocksize: found");
  state_refused("blocksize", 33, "blocksize: found 33");
  state_refused("nested_blocksize", 128, "nested_blocksize: expected 256");
  state_refused("nested_dtype", "float16", "nested_dtype");
  state_refused("nested_offset", "x", "nested_offset");
  q(kNf4State) = text("[1, 2");
  refused({"q_proj.weight.quant_state"});
  q(kNf4State) = text("[1, 2]");
  refused({"expected a JSON object"});
}

TEST_F(Nf4Reader, RefusesTensorsThatDoNotFit) {
  const Tensors good = tensors_;
  const auto tensor_refused = [&](const char* suffix, Tensor t, const std::string& words) {
    tensors_ = good;
    q(suffix) = std::move(t);
    refused({"q_proj", words});
  };
  tensor_refused(".weight", good.at("model.layers.0.self_attn.q_proj.weight").reshaped({32, 16}),
                 "expected shape [512, 1], found [32, 16]");
  tensor_refused(".weight.absmax", Tensor::from_floats({16}, std::vector<float>(16, 1.0f)),
                 "expected type U8");
  tensor_refused(".weight.quant_map", Tensor::from_floats({16}, std::vector<float>(16, 1.0f)),
                 "is not the table of NF4");
  tensor_refused(".weight.nested_absmax", Tensor::from_floats({1}, std::vector<float>{-1.0f}),
                 "nested_absmax[0] is -1");
  tensor_refused(".weight.nested_quant_map", Tensor::from_floats({16}, std::vector<float>(16, 1.0f)),
                 "expected shape [256]");
  for (const char* suffix : {".weight", ".weight.absmax", ".weight.quant_map", ".weight.nested_quant_map"}) {
    tensors_ = good;
    tensors_.erase("model.layers.0.self_attn.q_proj" + std::string(suffix));
    refused({"q_proj.weight"});
  }
}

TEST_F(Nf4Reader, RefusesOtherTypesOfBitsandbytes) {
  refused_config("bnb_4bit_quant_type", "fp4", {"bnb_4bit_quant_type", "\"fp4\" is not supported"});
  refused_config("bnb_4bit_quant_storage", "bfloat16", {"bnb_4bit_quant_storage"});
  refused_config("load_in_4bit", false, {"load_in_4bit", "only bitsandbytes' 4-bit weights"});
}

TEST_F(Nf4Reader, LayersWithoutAStateAreDense) {
  for (auto it = tensors_.begin(); it != tensors_.end();)
    it = it->first.starts_with("model.layers.0.self_attn.q_proj.weight") ? tensors_.erase(it) : std::next(it);
  std::mt19937 random(1);
  q(".weight") = random_tensor({32, 32}, random);
  EXPECT_TRUE(read().spec.dense());
}

}  // namespace
}  // namespace fptq
