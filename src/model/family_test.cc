#include "model/family.h"

#include <gmock/gmock.h>

#include <functional>

#include "base/file_io.h"
#include "fptq/error.h"

namespace fptq {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Json llama() {
  return parse_json(R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
    "hidden_size": 64, "intermediate_size": 172, "num_hidden_layers": 5, "num_attention_heads": 8,
    "num_key_value_heads": 4, "max_position_embeddings": 512, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
    "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32", "vocab_size": 512})",
                    "test");
}

Json with(Json config, const char* key, Json value) {
  config[key] = std::move(value);
  return config;
}

ModelConfig read(const Json& config) {
  return find_family(config, "config.json").from_json(config, "config.json");
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kBadModel) << e.what();
    return e.what();
  }
  return "no error";
}

std::string error_of(const Json& config) {
  return message_of([&] { read(config); });
}

TEST(LlamaFamily, ReadsASmallModel) {
  const ModelConfig c = read(llama());
  EXPECT_EQ(c.family, "llama");
  EXPECT_EQ(c.hidden_size, 64);
  EXPECT_EQ(c.intermediate_size, 172);
  EXPECT_EQ(c.num_layers, 5);
  EXPECT_EQ(c.num_heads, 8);
  EXPECT_EQ(c.num_kv_heads, 4);
  EXPECT_EQ(c.head_dim, 8);
  EXPECT_EQ(c.vocab_size, 512);
  EXPECT_EQ(c.max_position, 512);
  EXPECT_FLOAT_EQ(c.rms_norm_eps, 1e-5f);
  EXPECT_TRUE(c.tied_embeddings);
  EXPECT_FALSE(c.qkv_bias || c.o_bias || c.mlp_bias);
  EXPECT_EQ(c.bos_id, 1);
  EXPECT_THAT(c.eos_ids, ElementsAre(2));
  EXPECT_EQ(c.rope.scaling, RopeScaling::kNone);
  EXPECT_EQ(c.dtype, DType::kF32);
}

TEST(LlamaFamily, TakesTheDefaultsOfItsClassForAbsentKeys) {
  Json config = llama();
  for (const char* key :
       {"num_key_value_heads", "max_position_embeddings", "rms_norm_eps", "rope_theta", "hidden_act",
        "tie_word_embeddings", "bos_token_id", "eos_token_id", "torch_dtype"}) {
    config.erase(key);
  }
  const ModelConfig c = read(config);
  EXPECT_EQ(c.num_kv_heads, 8);
  EXPECT_EQ(c.max_position, 2048);
  EXPECT_FLOAT_EQ(c.rms_norm_eps, 1e-6f);
  EXPECT_EQ(c.rope.theta, 10000.0);
  EXPECT_FALSE(c.tied_embeddings);
  EXPECT_EQ(c.bos_id, 1);
  EXPECT_THAT(c.eos_ids, ElementsAre(2));
}

TEST(LlamaFamily, ReadsBiasesHeadDimAndSeveralEndTokens) {
  Json config = with(with(llama(), "attention_bias", true), "mlp_bias", true);
  config["head_dim"] = 16;
  config["eos_token_id"] = {128001, 128008, 128009};
  config["bos_token_id"] = nullptr;
  config["dtype"] = "bfloat16";
  const ModelConfig c = read(config);
  EXPECT_TRUE(c.qkv_bias && c.o_bias && c.mlp_bias);
  EXPECT_EQ(c.q_size(), 128);
  EXPECT_THAT(c.eos_ids, ElementsAre(128001, 128008, 128009));
  EXPECT_EQ(c.bos_id, -1);
  EXPECT_EQ(c.dtype, DType::kBF16);
}

TEST(Rope, ReadsEveryForm) {
  const auto rope = [](const char* key, const char* json) {
    return read(with(llama(), key, parse_json(json, "t"))).rope;
  };
  EXPECT_EQ(rope("rope_scaling", R"({"rope_type": "default"})").scaling, RopeScaling::kNone);
  const RopeConfig linear = rope("rope_scaling", R"({"type": "linear", "factor": 2.0})");
  EXPECT_EQ(linear.scaling, RopeScaling::kLinear);
  EXPECT_EQ(linear.factor, 2.0);

  const RopeConfig llama3 =
      rope("rope_scaling", R"({"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                                                     "original_max_position_embeddings": 8192, "rope_type": "llama3"})");
  EXPECT_EQ(llama3.scaling, RopeScaling::kLlama3);
  EXPECT_EQ(llama3.factor, 32.0);
  EXPECT_EQ(llama3.original_max_position, 8192);

  // transformers 5 puts theta inside and calls it rope_parameters
  const RopeConfig v5 =
      rope("rope_parameters", R"({"rope_theta": 500000.0, "rope_type": "linear", "factor": 4})");
  EXPECT_EQ(v5.theta, 500000.0);
  EXPECT_EQ(v5.factor, 4.0);

  const RopeConfig yarn =
      rope("rope_scaling", R"({"type": "yarn", "factor": 4.0, "beta_fast": 16, "truncate": false,
                                                   "original_max_position_embeddings": 128, "mscale": 0.7})");
  EXPECT_EQ(yarn.scaling, RopeScaling::kYarn);
  EXPECT_EQ(yarn.beta_fast, 16.0);
  EXPECT_EQ(yarn.beta_slow, 1.0);
  EXPECT_FALSE(yarn.truncate);
  EXPECT_EQ(yarn.mscale, 0.7);
  EXPECT_EQ(yarn.original_max_position, 128);
  // as transformers: the ratio of the two lengths when no factor is given, the longest position when no
  // original is
  EXPECT_EQ(rope("rope_scaling", R"({"type": "yarn", "original_max_position_embeddings": 128})").factor, 4.0);
  EXPECT_EQ(rope("rope_scaling", R"({"type": "yarn", "factor": 2})").original_max_position, 512);
}

TEST(Rope, RefusesWhatItCannotDo) {
  const auto error = [](const char* json) {
    return error_of(with(llama(), "rope_scaling", parse_json(json, "t")));
  };
  EXPECT_THAT(error(R"({"type": "dynamic", "factor": 2.0})"),
              HasSubstr("config.json:rope_scaling:type: \"dynamic\""));
  EXPECT_THAT(error(R"({"rope_type": "linear"})"),
              HasSubstr("rope_scaling:factor: expected a number, found nothing"));
  EXPECT_THAT(error(R"({"rope_type": "linear", "factor": 0})"), HasSubstr("rope_scaling.factor"));
  EXPECT_THAT(error(R"({"rope_type": 3})"), HasSubstr("rope_scaling:rope_type: expected a string"));
  EXPECT_THAT(error(R"([1])"), HasSubstr("rope_scaling: expected an object"));
  EXPECT_THAT(error(R"({"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":1})"),
              HasSubstr("high_freq_factor: expected more than low_freq_factor 4, found 1"));
  EXPECT_THAT(error_of(with(llama(), "rope_theta", 0)),
              HasSubstr("rope_theta: expected a finite number above 0"));
  EXPECT_THAT(error_of(with(llama(), "partial_rotary_factor", 0.5)), HasSubstr("partial_rotary_factor"));
  EXPECT_THAT(error_of(with(llama(), "rope_parameters",
                            parse_json(R"({"full_attention": {"rope_theta": 1e4}})", "t"))),
              HasSubstr("per layer type"));
}

TEST(MistralFamily, KnowsItsWindow) {
  Json config = llama();
  config["model_type"] = "mistral";
  config["architectures"] = {"MistralForCausalLM"};
  EXPECT_EQ(read(config).sliding_window, 4096);  // the class's default
  EXPECT_EQ(read(with(config, "sliding_window", nullptr)).sliding_window, 0);
  const ModelConfig c = read(with(config, "sliding_window", 128));
  EXPECT_EQ(c.window(0), 128);
  EXPECT_EQ(c.window(4), 128);
  config.erase("num_key_value_heads");
  EXPECT_EQ(read(config).num_kv_heads, 8);
  EXPECT_THAT(error_of(with(config, "sliding_window", -1)), HasSubstr("sliding_window: expected 0 to"));
}

TEST(Qwen2Family, HasBiasesAndWindowsOnSomeLayers) {
  Json config = llama();
  config["model_type"] = "qwen2";
  config["architectures"] = {"Qwen2ForCausalLM"};
  config.erase("eos_token_id");
  const ModelConfig c = read(config);
  EXPECT_TRUE(c.qkv_bias);
  EXPECT_FALSE(c.o_bias || c.mlp_bias);
  EXPECT_EQ(c.sliding_window, 0);
  EXPECT_THAT(c.eos_ids, IsEmpty());

  // as released: a window is stated, but not used
  EXPECT_EQ(read(with(with(config, "sliding_window", 32), "use_sliding_window", false)).window(4), 0);
  config["use_sliding_window"] = true;
  config["sliding_window"] = 32;
  config["max_window_layers"] = 3;
  const ModelConfig windowed = read(config);
  EXPECT_EQ(windowed.window(2), 0);
  EXPECT_EQ(windowed.window(3), 32);
  config["layer_types"] = {"sliding_attention", "full_attention", "full_attention", "full_attention",
                           "full_attention"};
  EXPECT_EQ(read(config).window(0), 32);
  EXPECT_EQ(read(config).window(3), 0);
  config["layer_types"] = {"sliding_attention"};
  EXPECT_THAT(error_of(config), HasSubstr("layer_types: expected a list of 5"));
}

TEST(FindFamily, RefusesUnknownOnesByName) {
  EXPECT_THAT(error_of(with(llama(), "model_type", "bloom")),
              HasSubstr("config.json:model_type: model family \"bloom\" is not supported (supported are "
                        "llama, mistral, qwen2)"));
  EXPECT_THAT(error_of(with(llama(), "model_type", "Llama")), HasSubstr("did you mean llama?"));
  EXPECT_THAT(error_of(with(llama(), "model_type", "mistrall")), HasSubstr("did you mean mistral?"));
  // models of their own, not typing errors
  EXPECT_THAT(error_of(with(llama(), "model_type", "mixtral")), Not(HasSubstr("did you mean")));
  EXPECT_THAT(error_of(with(llama(), "model_type", "qwen3")), Not(HasSubstr("did you mean")));
  EXPECT_THAT(error_of(with(llama(), "architectures", Json::array({"LlamaForSequenceClassification"}))),
              HasSubstr("architectures: \"LlamaForSequenceClassification\" is not supported, expected "
                        "\"LlamaForCausalLM\""));
  EXPECT_THAT(error_of(with(llama(), "architectures", "x")), HasSubstr("architectures: expected a list"));
  EXPECT_THAT(error_of(Json::array()), HasSubstr("expected a JSON object"));
  EXPECT_THAT(error_of(Json::object()), HasSubstr("model_type: expected a model family, found nothing"));
}

TEST(FindFamily, GoesByArchitectureWithoutModelType) {
  Json config = llama();
  config.erase("model_type");
  EXPECT_STREQ(find_family(config, "t").name, "llama");
}

struct BadValue {
  const char* key;
  const char* json;
  const char* message;
};

class BadNumbers : public ::testing::TestWithParam<BadValue> {};

TEST_P(BadNumbers, AreNamedWithExpectedAndFound) {
  const BadValue& bad = GetParam();
  EXPECT_THAT(error_of(with(llama(), bad.key, parse_json(bad.json, "t"))), HasSubstr(bad.message));
}

INSTANTIATE_TEST_SUITE_P(
    Config, BadNumbers,
    ::testing::Values(
        BadValue{"hidden_size", "0", "config.json:hidden_size: expected 1 to 1048576, found 0"},
        BadValue{"hidden_size", "-1", "config.json:hidden_size: expected 1 to 1048576, found -1"},
        BadValue{"hidden_size", "2147483648", "hidden_size: expected 1 to 1048576, found 2147483648"},
        BadValue{"hidden_size", "4096.5", "hidden_size: expected an integer, found 4096.5"},
        BadValue{"hidden_size", "\"4096\"", "hidden_size: expected an integer, found \"4096\""},
        BadValue{"hidden_size", "null", "hidden_size: expected an integer, found nothing"},
        BadValue{"hidden_size", "18446744073709551615", "hidden_size: expected an integer below 2^63"},
        BadValue{"hidden_size", "65", "8 heads do not divide hidden_size 65"},
        BadValue{"num_attention_heads", "0", "num_attention_heads: 0 heads"},
        BadValue{"num_attention_heads", "7", "num_attention_heads: 7 heads do not divide hidden_size 64"},
        BadValue{"num_attention_heads", "64", "head_dim: expected 2 to"},
        BadValue{"num_key_value_heads", "16", "num_key_value_heads: expected 1 to 8, found 16"},
        BadValue{"num_key_value_heads", "3", "3 key/value heads do not divide 8"},
        BadValue{"head_dim", "7", "head_dim: expected an even number"},
        BadValue{"num_hidden_layers", "1000000000", "num_hidden_layers: expected 1 to 4096"},
        BadValue{"intermediate_size", "-5", "intermediate_size: expected 1 to"},
        BadValue{"vocab_size", "0", "vocab_size: expected 1 to"},
        BadValue{"max_position_embeddings", "1099511627776",
                 "max_position_embeddings: expected 1 to 2147483647"},
        BadValue{"rms_norm_eps", "0", "rms_norm_eps: expected a finite number above 0, found 0"},
        BadValue{"rms_norm_eps", "-1e-5", "rms_norm_eps: expected a finite number above 0"},
        BadValue{"rope_theta", "-1", "rope_theta: expected a finite number above 0"},
        BadValue{"hidden_act", "\"gelu\"", "hidden_act: \"gelu\" is not supported, expected \"silu\""},
        BadValue{"eos_token_id", "\"</s>\"", "eos_token_id: expected a token id"},
        BadValue{"eos_token_id", "[2, -1]", "eos_token_id: expected a token id"},
        BadValue{"bos_token_id", "4294967296", "bos_token_id: expected a token id"},
        BadValue{"torch_dtype", "\"float8\"", "torch_dtype: expected float32, float16 or bfloat16"},
        BadValue{"tie_word_embeddings", "1", "tie_word_embeddings: expected true or false"}));

TEST(ToConfigJson, ReadsBackAsTheSame) {
  Json config = llama();
  config["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", 8.0},
                            {"low_freq_factor", 1.0},
                            {"high_freq_factor", 4.0},
                            {"original_max_position_embeddings", 8192}};
  config["eos_token_id"] = {2, 3};
  const ModelConfig c = read(config);
  const Json written = to_config_json(c);
  EXPECT_EQ(written.at("rms_norm_eps").dump(), "1e-05");
  const ModelConfig back = read(written);
  EXPECT_EQ(back.head_dim, c.head_dim);
  EXPECT_EQ(back.eos_ids, c.eos_ids);
  EXPECT_EQ(back.rms_norm_eps, c.rms_norm_eps);
  EXPECT_EQ(back.rope.scaling, RopeScaling::kLlama3);
  EXPECT_EQ(back.rope.original_max_position, 8192);
  EXPECT_EQ(to_config_json(back), written);
}

TEST(ToConfigJson, KeepsWindowsAndYarn) {
  Json config = llama();
  config["model_type"] = "qwen2";
  config["architectures"] = {"Qwen2ForCausalLM"};
  config["use_sliding_window"] = true;
  config["sliding_window"] = 32;
  config["max_window_layers"] = 3;
  config["rope_scaling"] = {{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 128}};
  const ModelConfig back = read(to_config_json(read(config)));
  EXPECT_EQ(back.window(2), 0);
  EXPECT_EQ(back.window(3), 32);
  EXPECT_EQ(back.rope.scaling, RopeScaling::kYarn);
  EXPECT_EQ(back.rope.factor, 4.0);
  EXPECT_TRUE(back.qkv_bias);
}

TEST(SharedConfigs, OfReleasedModelsAreRead) {
  const std::string folder = FPTQ_SOURCE_DIR "/../shared/configs/";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared/configs here";
  const auto load = [&](const char* name) { return read(parse_json(read_text_file(folder + name), name)); };
  EXPECT_EQ(load("atom-7b-llama2.json").vocab_size, 65000);
  const ModelConfig llama32 = load("llama-3.2-1b.json");
  EXPECT_EQ(llama32.rope.scaling, RopeScaling::kLlama3);
  EXPECT_EQ(llama32.head_dim, 64);
  EXPECT_TRUE(llama32.tied_embeddings);
  EXPECT_EQ(load("orpheus-3b-llama3.2.json").dtype, DType::kBF16);
  EXPECT_THAT(message_of([&] { load("bloom_hf.json"); }), HasSubstr("\"bloom\" is not supported"));
}

}  // namespace
}  // namespace fptq
