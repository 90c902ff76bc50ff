#include "formats/compressed_tensors_writer.h"

#include <gmock/gmock.h>

#include "expect_error.h"
#include "formats/block_part.h"
#include "formats/manifest.h"
#include "formats/test_models.h"
#include "io/safetensors.h"
#include "temp_folder.h"

namespace fptq {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr ActivationSpec kToken = {ActivationMode::kDynamicToken, true, 0, 0};
constexpr ActivationSpec kStatic = {ActivationMode::kStaticTensor, true, 0.03125f, 0};

// A tiny source model and blocks to write in its place.
class Writer : public ::testing::Test {
 protected:
  void SetUp() override { make_source(tiny_config_json()); }

  void make_source(const Json& config) {
    write_model(temp_ / "source", config, random_tensors(config));
    temp_.write("source/generation_config.json", R"({"eos_token_id": [2, 5]})");
    temp_.write("source/LICENSE", "Apache-2.0");
    source_ = open_checkpoint(temp_ / "source");
    options_.fingerprint = "run 1";
  }

  // Attention with static inputs, the MLP with per-token ones; `form` says the rest.
  std::vector<LinearWeights> block(int64_t layer, const QuantizedForm& form) {
    std::mt19937 random(static_cast<uint32_t>(layer + 1));
    std::vector<LinearWeights> out;
    for (const LinearId id : kAllLinears) {
      QuantizedForm f = form;
      f.activation = id <= LinearId::kO ? kStatic : kToken;
      out.push_back(random_linear(linear_shape(source_.weights->config(), id), f, options_.dtype, random));
      if (source_.weights->config().qkv_bias && id <= LinearId::kV) {
        out.back().bias = random_tensor({out.back().rows}, random, options_.dtype);
      }
    }
    return out;
  }
  Tensor norm(int64_t layer) {
    std::mt19937 random(static_cast<uint32_t>(100 + layer));
    return random_tensor({32}, random);
  }
  std::unique_ptr<CompressedTensorsWriter> open_writer() {
    return std::make_unique<CompressedTensorsWriter>(output(), source_, options_, 1000);
  }
  void put(CompressedTensorsWriter& writer, int64_t layer, const QuantizedForm& form = {}) {
    writer.put_block(layer, block(layer, form), norm(layer), norm(layer + 50));
  }
  void write_all(const QuantizedForm& form = {}) {
    const auto writer = open_writer();
    put(*writer, 0, form);
    put(*writer, 1, form);
    writer->finish("# card", R"({"method": "fptq"})");
  }
  fs::path output() const { return temp_ / "out"; }
  fs::path partial() const { return temp_ / "out.partial"; }

  void expect_round_trip(const QuantizedForm& form);

  TempFolder temp_;
  Checkpoint source_;
  WriterOptions options_;
};

void Writer::expect_round_trip(const QuantizedForm& form) {
  write_all(form);
  const Checkpoint back = open_checkpoint(output());
  EXPECT_EQ(back.format, "compressed-tensors");
  EXPECT_TRUE(back.quantized);
  EXPECT_THAT(back.warnings, IsEmpty());
  for (int64_t layer = 0; layer < 2; ++layer) {
    const std::vector<LinearWeights> written = block(layer, form);
    for (const LinearId id : kAllLinears) {
      const LinearWeights& w = written[static_cast<size_t>(id)];
      const LinearWeights r = back.weights->linear(layer, id);
      EXPECT_EQ(r.spec, w.spec) << module_name(layer, id);
      EXPECT_EQ(r.activation, w.activation) << module_name(layer, id);
      EXPECT_TRUE(same_tensor(r.codes, w.codes)) << module_name(layer, id);
      EXPECT_TRUE(same_tensor(r.scales, w.scales)) << module_name(layer, id);
      EXPECT_TRUE(same_tensor(r.zero_points, w.zero_points)) << module_name(layer, id);
      EXPECT_TRUE(same_tensor(r.bias, w.bias)) << module_name(layer, id);
    }
    EXPECT_EQ(back.weights->norm(layer, NormId::kAttention).dtype(), options_.dtype);
  }
  EXPECT_TRUE(verify_folder(output()).ok()) << verify_folder(output()).problems.front();
}

TEST_F(Writer, RoundTripsSymmetricFourBits) {
  expect_round_trip({4, 16, true, {}});
}

TEST_F(Writer, RoundTripsAsymmetricFourBits) {
  expect_round_trip({4, 32, false, {}});
}

TEST_F(Writer, RoundTripsEightBits) {
  expect_round_trip({8, 0, true, {}});
}

TEST_F(Writer, RoundTripsAsymmetricEightBitsInFloat32) {
  options_.dtype = DType::kF32;
  expect_round_trip({8, 16, false, {}});
}

TEST_F(Writer, RoundTripsBiases) {
  Json config = tiny_config_json();
  config["model_type"] = "qwen2";
  config["architectures"] = {"Qwen2ForCausalLM"};
  make_source(config);
  options_.dtype = DType::kF16;
  expect_round_trip({4, 16, true, {}});
}

TEST_F(Writer, PacksEightBitWeightsWithoutQuantizedInputs) {
  {
    const auto writer = open_writer();
    for (int64_t layer = 0; layer < 2; ++layer) {
      std::vector<LinearWeights> linears = block(layer, {8, 16, false, {}});
      for (LinearWeights& w : linears) w.activation = {};
      writer->put_block(layer, linears, norm(0), norm(1));
    }
    writer->finish("", "{}");
  }
  const Checkpoint back = open_checkpoint(output());
  const LinearWeights r = back.weights->linear(1, LinearId::kDown);
  const LinearWeights w = block(1, {8, 16, false, {}})[static_cast<size_t>(LinearId::kDown)];
  EXPECT_EQ(r.activation.mode, ActivationMode::kFloat);
  EXPECT_TRUE(same_tensor(r.codes, w.codes));
  EXPECT_TRUE(same_tensor(r.zero_points, w.zero_points));
  EXPECT_TRUE(SafetensorsFile::open(output() / "model.safetensors")
                  .find("model.layers.1.mlp.down_proj.weight_packed") != nullptr);
}

TEST_F(Writer, CarriesEverythingOver) {
  options_.kv = KvType::kFloat8;
  write_all();
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(output()))
    names.push_back(entry.path().filename().string());
  EXPECT_THAT(names, UnorderedElementsAre("model.safetensors", "config.json", "generation_config.json",
                                          "LICENSE", "README.md", "fptq_recipe.json", "fptq_manifest.json"));
  EXPECT_FALSE(fs::exists(partial()));
  const Checkpoint back = open_checkpoint(output());
  EXPECT_EQ(back.kv, KvType::kFloat8);
  EXPECT_THAT(back.weights->config().eos_ids, ::testing::ElementsAre(2, 5));
  const Json config = parse_json(read_text_file(output() / "config.json"), "config.json");
  EXPECT_EQ(config.at("torch_dtype"), "bfloat16");
  EXPECT_EQ(config.at("hidden_size"), 32);
  EXPECT_EQ(parse_json(read_text_file(output() / "fptq_recipe.json"), "r").at("method"), "fptq");
  const Tensor embedding = back.weights->embedding();
  EXPECT_EQ(embedding.dtype(), DType::kBF16);
  const AlignedBuffer<float> original = source_.weights->embedding().to_floats(),
                             stored = embedding.to_floats();
  for (size_t i = 0; i < stored.size(); ++i)
    ASSERT_NEAR(stored[i], original[i], 0.004f * std::abs(original[i]));
}

// Of the vocabulary: INT8, a scale per entry.
LinearWeights eight_bit_table(DType dtype) {
  LinearWeights table;
  table.rows = 40;
  table.cols = 32;
  table.spec = {8, 0, true};
  std::byte* codes = nullptr;
  table.codes = Tensor::allocate(DType::kI8, {40, 32}, &codes);
  for (int i = 0; i < 40 * 32; ++i) codes[i] = static_cast<std::byte>(i * 7);
  std::byte* scales = nullptr;
  table.scales = Tensor::allocate(dtype, {40, 1}, &scales);
  const std::vector<float> values(40, 0.5f);
  encode_row(dtype, values.data(), scales, 40);
  return table;
}

TEST_F(Writer, AQuantizedEmbeddingLeavesTheHeadBesideIt) {
  const LinearWeights table = eight_bit_table(options_.dtype);
  {
    const auto writer = open_writer();
    put(*writer, 0);
    put(*writer, 1);
    writer->put_embedding(table);
    writer->finish("", "{}");
  }
  const Checkpoint back = open_checkpoint(output());
  EXPECT_FALSE(back.weights->config().tied_embeddings);
  EXPECT_EQ(back.weights->config().dtype, options_.dtype);
  const LinearWeights r = back.weights->token_table();
  EXPECT_EQ(r.spec, table.spec);
  EXPECT_EQ(r.activation, ActivationSpec{});
  EXPECT_TRUE(same_tensor(r.codes, table.codes));
  EXPECT_TRUE(same_tensor(r.scales, table.scales));
  std::vector<float> row(32);
  const AlignedBuffer<float> decoded = back.weights->embedding().to_floats();
  for (int64_t i = 0; i < 40; ++i) {
    table.decode_row(i, row.data());
    for (int64_t j = 0; j < 32; ++j)
      EXPECT_EQ(decoded[static_cast<size_t>(i * 32 + j)], row[static_cast<size_t>(j)]);
  }
  EXPECT_TRUE(
      same_tensor(back.weights->head().weight, converted(source_.weights->embedding(), options_.dtype)));
  EXPECT_TRUE(verify_folder(output()).ok());
  const Json config = parse_json(read_text_file(output() / "config.json"), "config.json");
  EXPECT_EQ(config["tie_word_embeddings"], false);
  const Json& group = config["quantization_config"]["config_groups"].back();
  EXPECT_EQ(group["targets"], Json({"re:.*embed_tokens$"}));
  EXPECT_EQ(group["format"], "int-quantized");
  EXPECT_EQ(group["input_activations"], nullptr);
}

TEST_F(Writer, AQuantizedHeadIsNoLongerTiedToTheEmbedding) {
  LinearWeights head = eight_bit_table(options_.dtype);
  head.activation.mode = ActivationMode::kDynamicToken;
  {
    const auto writer = open_writer();
    put(*writer, 0);
    put(*writer, 1);
    writer->put_head(head);
    writer->finish("", "{}");
  }
  const Checkpoint back = open_checkpoint(output());
  EXPECT_FALSE(back.weights->config().tied_embeddings);
  const LinearWeights r = back.weights->head();
  EXPECT_EQ(r.spec, head.spec);
  EXPECT_EQ(r.activation, head.activation);
  EXPECT_TRUE(same_tensor(r.codes, head.codes));
  EXPECT_TRUE(same_tensor(r.scales, head.scales));
  EXPECT_TRUE(
      same_tensor(back.weights->embedding(), converted(source_.weights->embedding(), options_.dtype)));
  EXPECT_TRUE(verify_folder(output()).ok());
}

TEST_F(Writer, GroupsAreDisjointAndNameFusedModules) {
  write_all();
  const Json q = parse_json(read_text_file(output() / "config.json"), "c").at("quantization_config");
  EXPECT_EQ(q.at("format"), "pack-quantized");
  EXPECT_EQ(q.at("quantization_status"), "compressed");
  EXPECT_EQ(q.at("ignore"), Json({"lm_head"}));
  const Json& groups = q.at("config_groups");
  ASSERT_EQ(groups.size(), 3u);  // static; per token; per token with one group per row
  EXPECT_EQ(groups.at("group_0").at("targets"),
            Json({"re:.*\\.self_attn\\.(q_proj|k_proj|v_proj|o_proj|qkv_proj)$"}));
  EXPECT_EQ(groups.at("group_1").at("targets"), Json({"re:.*\\.mlp\\.(gate_proj|up_proj|gate_up_proj)$"}));
  EXPECT_EQ(groups.at("group_2").at("targets"), Json({"re:.*\\.mlp\\.down_proj$"}));
  EXPECT_EQ(groups.at("group_2").at("weights").at("strategy"), "channel");
  EXPECT_TRUE(groups.at("group_2").at("weights").at("group_size").is_null());
  for (const auto& [name, group] : groups.items()) EXPECT_EQ(group.at("format"), "pack-quantized");
}

TEST_F(Writer, LayersThatDifferAreNamed) {
  {
    const auto writer = open_writer();
    put(*writer, 0);
    std::vector<LinearWeights> linears = block(1, {});
    linears[static_cast<size_t>(LinearId::kQ)].activation = kToken;
    writer->put_block(1, linears, norm(1), norm(1));
    writer->finish("", "{}");
  }
  const std::string config = read_text_file(output() / "config.json");
  EXPECT_THAT(config, HasSubstr(R"(re:.*layers\\.(0)\\.self_attn\\.q_proj$)"));
  EXPECT_THAT(config, HasSubstr(R"(re:.*layers\\.(1)\\.self_attn\\.q_proj$)"));
  EXPECT_THAT(config, HasSubstr(R"(re:.*\\.self_attn\\.(k_proj|v_proj|o_proj)$)"));
  const Checkpoint back = open_checkpoint(output());
  EXPECT_EQ(back.weights->linear(0, LinearId::kQ).activation, kStatic);
  EXPECT_EQ(back.weights->linear(1, LinearId::kQ).activation.mode, ActivationMode::kDynamicToken);
  EXPECT_EQ(back.weights->linear(1, LinearId::kK).activation, kStatic);
}

TEST_F(Writer, DenseLayersAreStoredAndIgnoredByName) {
  const auto dense = [&](int64_t layer, LinearId id) { return source_.weights->linear(layer, id); };
  {
    const auto writer = open_writer();
    put(*writer, 0);
    std::vector<LinearWeights> linears = block(1, {});
    linears[static_cast<size_t>(LinearId::kV)] = dense(1, LinearId::kV);
    linears[static_cast<size_t>(LinearId::kDown)] = dense(1, LinearId::kDown);
    writer->put_block(1, linears, norm(1), norm(1));
    writer->finish("", "{}");
  }
  const Json q = parse_json(read_text_file(output() / "config.json"), "c").at("quantization_config");
  EXPECT_EQ(q.at("ignore"),
            Json({"model.layers.1.self_attn.v_proj", "model.layers.1.mlp.down_proj", "lm_head"}));
  const Checkpoint back = open_checkpoint(output());
  for (const LinearId id : {LinearId::kV, LinearId::kDown}) {
    const LinearWeights r = back.weights->linear(1, id);
    EXPECT_TRUE(r.spec.dense());
    EXPECT_EQ(r.activation.mode, ActivationMode::kFloat);
    EXPECT_TRUE(same_tensor(r.weight, converted(dense(1, id).weight, options_.dtype)));
    EXPECT_FALSE(back.weights->linear(0, id).spec.dense());
  }
  EXPECT_FALSE(back.weights->linear(1, LinearId::kQ).spec.dense());
  EXPECT_TRUE(verify_folder(output()).ok());
}

TEST_F(Writer, AnInterruptedRunGoesOnToTheSameBytes) {
  write_all();
  const std::string whole = read_text_file(output() / "model.safetensors");
  fs::rename(output(), temp_ / "whole");
  {
    const auto writer = open_writer();
    put(*writer, 0);
  }
  ASSERT_TRUE(fs::exists(partial()));
  {
    const auto writer = open_writer();
    EXPECT_EQ(writer->finished_blocks(), 1);
    put(*writer, 1);
    writer->finish("# card", R"({"method": "fptq"})");
  }
  EXPECT_EQ(read_text_file(output() / "model.safetensors"), whole);
  EXPECT_EQ(read_text_file(output() / kManifestName), read_text_file(temp_ / "whole" / kManifestName));
}

TEST_F(Writer, DamagedOrForeignPartsAreNotReused) {
  {
    const auto writer = open_writer();
    put(*writer, 0);
    put(*writer, 1);
  }
  const fs::path first = partial() / "block-00000.safetensors",
                 second = partial() / "block-00001.safetensors";
  const auto finished = [&] { return open_writer()->finished_blocks(); };
  EXPECT_EQ(finished(), 2);
  fs::resize_file(second, fs::file_size(second) - 1);
  EXPECT_EQ(finished(), 1);
  std::string bytes = read_text_file(first);
  bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 1);
  std::ofstream(first, std::ios::binary) << bytes;
  EXPECT_EQ(finished(), 0);
  {
    const auto writer = open_writer();
    put(*writer, 0);
  }
  EXPECT_EQ(finished(), 1);
  temp_.write("out.partial/state-of-the-caller", "x");
  options_.fingerprint = "run 2";
  EXPECT_EQ(finished(), 0);
  EXPECT_FALSE(fs::exists(partial() / "state-of-the-caller"));
}

TEST_F(Writer, DropFromForgetsLaterParts) {
  const auto writer = open_writer();
  put(*writer, 0);
  put(*writer, 1);
  writer->drop_from(1);
  EXPECT_EQ(writer->finished_blocks(), 1);
  expect_error(ErrorKind::kFailure, {"1 of 2 blocks"}, [&] { writer->finish("", "{}"); });
}

TEST_F(Writer, AFailureLeavesNothingBehind) {
  try {
    const auto writer = open_writer();
    put(*writer, 0);
    throw Error(ErrorKind::kFailure, "test", "as if the disk were full");
  } catch (const Error&) {
  }
  EXPECT_FALSE(fs::exists(partial()));
  EXPECT_FALSE(fs::exists(output()));
}

TEST_F(Writer, TwoRunsOnOneOutputAreKeptApart) {
  const auto writer = open_writer();
  expect_error(ErrorKind::kIo, {"out", "another run is writing it"}, [&] { open_writer(); });
  EXPECT_TRUE(fs::exists(partial()));
}

TEST_F(Writer, NeverWritesOverTheSource) {
  const auto open_at = [&](const fs::path& path) { CompressedTensorsWriter(path, source_, options_, 1000); };
  const auto refused = [&](const fs::path& path, const char* words) {
    expect_error(ErrorKind::kIo, {words}, [&] { open_at(path); });
  };
  options_.overwrite = true;
  refused(temp_ / "source", "is the model itself");
  refused(temp_ / "source/", "is the model itself");
  fs::create_directory_symlink(temp_ / "source", temp_ / "link");
  refused(temp_ / "link", "is the model itself");
  refused(temp_ / "source/out", "lies in the model's own directory");
  refused(temp_ / "link/deeper/out", "lies in the model's own directory");
  refused(temp_.path(), "holds the model");
  EXPECT_TRUE(fs::exists(temp_ / "source/model.safetensors"));
}

TEST_F(Writer, ReplacesAnOutputOnlyWhenAsked) {
  write_all();
  expect_error(ErrorKind::kIo, {"out", "exists already"}, [&] { open_writer(); });
  options_.overwrite = true;
  write_all({4, 32, true, {}});
  EXPECT_EQ(open_checkpoint(output()).weights->linear(0, LinearId::kQ).spec.group_size, 32);
  EXPECT_FALSE(fs::exists(partial()));

  temp_.write("file", "x");
  expect_error(ErrorKind::kIo, {"is not a directory"},
               [&] { CompressedTensorsWriter(temp_ / "file", source_, options_, 1); });
  fs::create_directory(temp_ / "home");
  temp_.write("home/thesis.tex", "x");
  expect_error(ErrorKind::kIo, {"is not a model directory"},
               [&] { CompressedTensorsWriter(temp_ / "home", source_, options_, 1); });
  EXPECT_TRUE(fs::exists(temp_ / "home/thesis.tex"));
}

TEST_F(Writer, SaysWhenSpaceIsShort) {
  expect_error(ErrorKind::kIo, {"out", "MB of free space"},
               [&] { CompressedTensorsWriter(output(), source_, options_, uint64_t{1} << 60); });
  EXPECT_FALSE(fs::exists(partial()));
}

TEST_F(Writer, RefusesValuesThatTheFileWouldRound) {
  const auto writer = open_writer();
  std::vector<LinearWeights> linears = block(0, {});
  linears[0].activation.scale = 0.1f;  // no bf16 number
  expect_error(ErrorKind::kFailure,
               {"model.layers.0.self_attn.q_proj", "input scale 0.1 was not rounded to BF16"},
               [&] { writer->put_block(0, linears, norm(0), norm(0)); });
  linears = block(0, {});
  std::mt19937 random(1);
  linears[1] = random_linear({16, 32}, {}, DType::kF32, random);
  expect_error(ErrorKind::kFailure, {"k_proj", "scales of type F32 instead of BF16"},
               [&] { writer->put_block(0, linears, norm(0), norm(0)); });
}

}  // namespace
}  // namespace fptq
