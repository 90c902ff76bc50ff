#include "formats/quantization_config.h"

#include <gmock/gmock.h>

#include "expect_error.h"
#include "formats/linear_scheme.h"
#include "formats/scheme_matcher.h"

// What loads and what does not: docs/formats-verified.md §3 and §4, tried with compressed-tensors 0.19.
namespace fptq {
namespace {

// The smallest configuration that loads there.
Json smallest() {
  return parse_json(
      R"({"quant_method": "compressed-tensors", "quantization_status": "compressed", "config_groups": {
    "a": {"format": "pack-quantized", "targets": ["re:.*(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj)$"],
          "weights": {"num_bits": 4, "group_size": 64}, "input_activations": {}},
    "b": {"format": "pack-quantized", "targets": ["re:.*down_proj$"],
          "weights": {"num_bits": 4, "group_size": 64}, "input_activations": {"strategy": "token", "dynamic": true}}}})",
      "t");
}

Json& group(Json& config) {
  return config["config_groups"]["a"];
}

QuantizationConfig parse(const Json& config) {
  return parse_quantization_config(config, "config.json:quantization_config");
}

void expect_refused(const Json& config, const std::vector<std::string>& words) {
  expect_error(ErrorKind::kBadModel, words, [&] {
    for (const QuantizationScheme& scheme : parse(config).schemes) resolve_scheme(scheme);
  });
}

LinearScheme scheme_of(const Json& config, const std::string& module) {
  const QuantizationConfig parsed = parse(config);
  const QuantizationScheme* scheme = SchemeMatcher(parsed).find(module, "Linear");
  if (scheme == nullptr) throw std::runtime_error("no scheme for " + module);
  return resolve_scheme(*scheme);
}

TEST(QuantizationConfig, TheSmallestOneHasTheLibrarysDefaults) {
  const LinearScheme q = scheme_of(smallest(), "model.layers.0.self_attn.q_proj");
  EXPECT_EQ(q.weights, (WeightSpec{4, 64, true}));
  EXPECT_EQ(q.storage, CodeStorage::kPacked);
  EXPECT_EQ(q.activation.mode, ActivationMode::kStaticTensor);
  EXPECT_TRUE(q.activation.symmetric);
  const LinearScheme down = scheme_of(smallest(), "model.layers.1.mlp.down_proj");
  EXPECT_EQ(down.activation.mode, ActivationMode::kDynamicToken);
}

TEST(QuantizationConfig, TheFormatOfAGroupIsInferredAndTheTopLevelOneIgnored) {
  Json config = smallest();
  config["format"] = "pack-quantized";
  group(config)["format"] = nullptr;  // int-quantized claims every integer weight with quantized inputs
  EXPECT_EQ(scheme_of(config, "x.q_proj").storage, CodeStorage::kPlain);
  group(config).erase("input_activations");
  EXPECT_EQ(scheme_of(config, "x.q_proj").storage, CodeStorage::kPacked);
  group(config)["format"] = "naive-quantized";
  EXPECT_EQ(scheme_of(config, "x.q_proj").storage, CodeStorage::kPlain);
  group(config)["format"] = "mixed-precision";
  expect_refused(config, {"config_groups.a.format", "\"mixed-precision\" is not supported"});
}

TEST(QuantizationConfig, StrategiesAreInferred) {
  Json config = smallest();
  group(config)["weights"] = {{"num_bits", 8}, {"group_size", -1}};
  EXPECT_EQ(scheme_of(config, "x.q_proj").weights, (WeightSpec{8, 0, true}));
  group(config)["weights"] = Json::object();
  EXPECT_EQ(scheme_of(config, "x.q_proj").weights, (WeightSpec{.bits = 8, .per_tensor = true}));
}

TEST(QuantizationConfig, AcceptsWhatTheLibraryAccepts) {
  Json config = smallest();
  config["ignore"] = nullptr;
  config["sparsity_config"] = Json::object();
  config["something_else"] = 3;  // unknown keys at the top are ignored
  group(config)["weights"]["actorder"] = "static";
  group(config)["weights"]["observer_kwargs"] = Json::object();
  group(config)["weights"]["scale_dtype"] = nullptr;
  group(config)["output_activations"] = nullptr;
  EXPECT_NO_THROW(parse(config));
  for (const Json& order : {Json(nullptr), Json("weight"), Json(false)}) {
    group(config)["weights"]["actorder"] = order;
    EXPECT_NO_THROW(parse(config));
  }
}

TEST(QuantizationConfig, SpellsOutPresets) {
  Json config = smallest();
  config["config_groups"] = {{"w4a16_asym", {"Linear"}}};
  const LinearScheme asym = scheme_of(config, "x");
  EXPECT_EQ(asym.weights, (WeightSpec{4, 128, false}));
  EXPECT_EQ(asym.activation.mode, ActivationMode::kFloat);
  config["config_groups"] = {{"W8A8", {"Linear"}}};
  const LinearScheme w8a8 = scheme_of(config, "x");
  EXPECT_EQ(w8a8.weights, (WeightSpec{8, 0, true}));
  EXPECT_EQ(w8a8.activation.mode, ActivationMode::kDynamicToken);
  EXPECT_EQ(w8a8.storage, CodeStorage::kPlain);
  config["config_groups"] = {{"FP8", {"Linear"}}};
  const LinearScheme fp8 = scheme_of(config, "x");
  EXPECT_EQ(fp8.weights, (WeightSpec{.bits = 8, .type = CodeType::kFloat8E4M3, .per_tensor = true}));
  EXPECT_EQ(fp8.activation.mode, ActivationMode::kStaticTensor);
  EXPECT_EQ(fp8.activation.type, CodeType::kFloat8E4M3);
  EXPECT_EQ(fp8.storage, CodeStorage::kPlain);
  config["config_groups"] = {{"FP8_dynamic", {"Linear"}}};
  EXPECT_EQ(scheme_of(config, "x").weights, (WeightSpec{.bits = 8, .type = CodeType::kFloat8E4M3}));
  EXPECT_EQ(scheme_of(config, "x").activation.mode, ActivationMode::kDynamicToken);
  config["config_groups"] = {{"W3A4", {"Linear"}}};
  EXPECT_EQ(scheme_of(config, "x").weights, (WeightSpec{3, 128, true}));
  EXPECT_EQ(scheme_of(config, "x").activation.bits, 4);
  config["config_groups"] = {{"FP8_BLOCK", {"Linear"}}};
  expect_refused(config,
                 {"config_groups.FP8_BLOCK", "preset scheme \"FP8_BLOCK\" is not supported", "W4A16"});
}

TEST(QuantizationConfig, FloatWeightsArePlain) {
  Json config = smallest();
  group(config)["weights"] = {{"num_bits", 8}, {"type", "float"}, {"strategy", "channel"}};
  for (const Json& format : {Json(nullptr), Json("float-quantized"), Json("naive-quantized")}) {
    group(config)["format"] = format;
    EXPECT_EQ(scheme_of(config, "x.q_proj").storage, CodeStorage::kPlain);
    EXPECT_EQ(scheme_of(config, "x.q_proj").weights, (WeightSpec{.bits = 8, .type = CodeType::kFloat8E4M3}));
  }
  group(config)["weights"]["float_format"] = "e5m2";
  EXPECT_EQ(scheme_of(config, "x.q_proj").weights, (WeightSpec{.bits = 8, .type = CodeType::kFloat8E5M2}));
  group(config)["weights"]["float_format"] = "e3m4";
  expect_refused(config, {"float_format: expected e4m3 or e5m2, found \"e3m4\""});
  group(config)["weights"].erase("float_format");
  group(config)["input_activations"] = {{"type", "float"}, {"float_format", "e5m2"}};
  expect_refused(config, {"input_activations.float_format: e5m2 for inputs is not supported"});
  group(config).erase("input_activations");
  group(config)["format"] = "pack-quantized";
  expect_refused(config, {"\"pack-quantized\" of float weights"});
  group(config)["format"] = nullptr;
  group(config)["weights"]["symmetric"] = false;
  expect_refused(config, {"8-bit asymmetric float"});
}

TEST(QuantizationConfig, RefusesWhatWouldBeGarbage) {
  Json config = smallest();
  config.erase("quantization_status");
  expect_refused(config, {"quantization_status: expected \"compressed\", found \"initialized\""});
  config["quantization_status"] = "frozen";
  expect_refused(config, {"found \"frozen\""});
  config = smallest();
  config.erase("quant_method");
  expect_refused(config, {"quant_method: expected a string, found nothing"});
  config["quant_method"] = "gptq";
  expect_refused(config, {"\"gptq\" is not supported"});
}

struct Refused {
  const char* pointer;  // into group "a" of the smallest configuration
  const char* json;
  const char* words;
};

class RefusedConfig : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedConfig, NamesTheField) {
  const Refused& r = GetParam();
  Json config = smallest();
  group(config)[Json::json_pointer(r.pointer)] = parse_json(r.json, "t");
  expect_refused(config, {r.words});
}

INSTANTIATE_TEST_SUITE_P(
    Table, RefusedConfig,
    ::testing::Values(
        Refused{"/weights/surprise", "1", "config_groups.a.weights: unknown key \"surprise\""},
        Refused{"/surprise", "1", "config_groups.a: unknown key \"surprise\""},
        Refused{"/targets", "null", "config_groups.a.targets: is missing"},
        Refused{"/targets", "[3]", "targets: expected a list of strings, found 3"},
        Refused{"/weights/num_bits", "5", "weights.num_bits: 5-bit int is not supported"},
        Refused{"/weights/num_bits", "\"4\"", "weights:num_bits: expected an integer"},
        Refused{"/weights/type", "\"float\"", "weights.type: 4-bit float is not supported"},
        Refused{"/weights/type", "\"nf\"", "weights:type: expected int or float"},
        Refused{"/weights/strategy", "\"channel\"", "group_size: strategy channel with group size 64"},
        Refused{"/weights/strategy", "\"rows\"", "unknown strategy \"rows\""},
        Refused{"/weights/strategy", "\"block\"", "strategy block"},
        Refused{"/weights/dynamic", "true",
                "weights.dynamic: dynamic quantization of weights is not supported"},
        Refused{"/weights/actorder", "\"group\"",
                "weights:actorder: activation ordering group is not supported"},
        Refused{"/weights/actorder", "\"dynamic\"", "activation ordering dynamic"},
        Refused{"/weights/actorder", "true", "activation ordering true"},
        Refused{"/weights/group_size", "-2", "group_size: expected a positive number or -1, found -2"},
        Refused{"/weights", "null", "weights: quantized inputs with dense weights is not supported"},
        Refused{"/input_activations/strategy", "\"token\"", "strategy token needs \"dynamic\": true"},
        Refused{"/input_activations/dynamic", "true", "dynamic strategy tensor for inputs is not supported"},
        Refused{"/input_activations/dynamic", "\"local\"", "input_activations.strategy"},
        Refused{"/input_activations/num_bits", "6", "input_activations.num_bits: 6-bit int is not supported"},
        Refused{"/input_activations", R"({"num_bits": 4, "type": "float"})",
                "input_activations.type: 4-bit float is not supported"},
        Refused{"/input_activations", R"({"type": "float", "symmetric": false})",
                "input_activations.type: 8-bit asymmetric float is not supported"},
        Refused{"/input_activations/group_size", "32", "input_activations.strategy: static strategy group"},
        Refused{"/output_activations", "{}", "output_activations: quantized outputs are not supported"},
        Refused{"/format", "\"nvfp4-pack-quantized\"", "format \"nvfp4-pack-quantized\" is not supported"}));

TEST(QuantizationConfig, RefusesRunTimeFeaturesItDoesNotHave) {
  const auto with = [](const char* key, const char* json) {
    Json config = smallest();
    config[key] = parse_json(json, "t");
    return config;
  };
  expect_refused(with("kv_cache_scheme", R"({"num_bits": 8})"), {"kv_cache_scheme", "KV cache"});
  expect_refused(with("transform_config", R"({"config_groups": {}})"), {"transform_config"});
  expect_refused(with("sparsity_config", R"({"format": "sparse-24-bitmask"})"), {"sparsity_config"});
  expect_refused(with("config_groups", "[]"), {"config_groups: expected an object"});
  expect_refused(with("ignore", "\"lm_head\""), {"ignore: expected a list of strings"});
}

class Matcher : public ::testing::Test {
 protected:
  void add(const char* name, std::vector<std::string> targets) {
    config_.schemes.push_back({name, std::move(targets), QuantizationArgs{}, std::nullopt, {}});
  }
  std::string find(const std::string& module) {
    const QuantizationScheme* scheme = SchemeMatcher(config_).find(module, "Linear");
    return scheme == nullptr ? "none" : scheme->where;
  }
  QuantizationConfig config_;
};

TEST_F(Matcher, NamesBeatPatternsBeatClasses) {
  add("class", {"Linear"});
  add("pattern", {"re:.*q_proj$"});
  add("name", {"model.layers.0.self_attn.q_proj"});
  EXPECT_EQ(find("model.layers.0.self_attn.q_proj"), "name");
  EXPECT_EQ(find("model.layers.1.self_attn.q_proj"), "pattern");
  EXPECT_EQ(find("model.layers.1.self_attn.k_proj"), "class");
}

TEST_F(Matcher, OfSeveralPatternsTheAlphabeticallyFirstWins) {
  add("specific", {"re:.*mlp\\.down_proj$"});
  add("general", {"re:.*_proj$"});
  EXPECT_EQ(find("model.layers.0.mlp.down_proj"), "general");
}

TEST_F(Matcher, PatternsMatchAtTheStartOnly) {
  add("a", {"re:layers", "re:model\\.layers\\.1\\."});
  EXPECT_EQ(find("model.layers.0.mlp.up_proj"), "none");
  EXPECT_EQ(find("model.layers.1.mlp.up_proj"), "a");
  EXPECT_EQ(find("model.layers.11.mlp.up_proj"), "none");
}

TEST_F(Matcher, IgnoredModulesAreDense) {
  add("a", {"Linear"});
  config_.ignore = {"lm_head", "re:.*gate"};
  EXPECT_EQ(find("lm_head"), "none");
  EXPECT_EQ(find("model.layers.0.mlp.gate_proj"), "none");
  EXPECT_EQ(find("model.layers.0.mlp.up_proj"), "a");
  config_.ignore = {"Linear"};
  EXPECT_EQ(find("model.layers.0.mlp.up_proj"), "none");
}

TEST_F(Matcher, ABrokenPatternIsNamed) {
  add("config.json:a", {"re:(("});
  expect_error(ErrorKind::kBadModel, {"config.json:a.targets"}, [&] { find("x"); });
}

TEST_F(Matcher, AHostilePatternIsStopped) {
  add("a", {"re:(x+x+)+$"});
  EXPECT_THROW(find(std::string(60, 'x') + "!"), Error);
}

}  // namespace
}  // namespace fptq
