#include "model/family.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <cmath>

#include "fptq/error.h"
#include "model/families/families.h"

namespace fptq {
namespace {

std::string plain(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c))) out += static_cast<char>(std::tolower(c));
  }
  return out;
}

// One is the other with at most one character left out. Not an edit distance: "mixtral" and "qwen3" are
// models of their own, not typing errors.
bool nearly_equal(const std::string& a, const std::string& b) {
  const std::string& shorter = a.size() < b.size() ? a : b;
  const std::string& longer = a.size() < b.size() ? b : a;
  if (longer.size() - shorter.size() > 1) return false;
  size_t i = 0;
  while (i < shorter.size() && shorter[i] == longer[i]) ++i;
  return longer.compare(i + longer.size() - shorter.size(), std::string::npos, shorter, i,
                        std::string::npos) == 0;
}

std::string supported(bool gguf) {
  std::string list;
  for (const Family& f : families()) {
    if (gguf && f.gguf_architecture == nullptr) continue;
    list += fmt::format("{}{}", list.empty() ? "" : ", ", gguf ? f.gguf_architecture : f.name);
  }
  return list;
}

[[noreturn]] void unknown(const std::string& where, const std::string& name, bool gguf) {
  std::string fix = "supported are " + supported(gguf);
  for (const Family& f : families()) {
    if (nearly_equal(plain(name), f.name)) fix = fmt::format("did you mean {}? {}", f.name, fix);
  }
  throw Error(ErrorKind::kBadModel, where,
              fmt::format("model family \"{}\" is not supported", name.substr(0, 80)), fix);
}

std::string first_architecture(const Json& config, const std::string& where) {
  const Json* list = json_find(config, "architectures");
  if (list == nullptr) return {};
  if (!list->is_array() || (!list->empty() && !list->front().is_string())) {
    throw Error(ErrorKind::kBadModel, where + ":architectures", "expected a list of class names");
  }
  return list->empty() ? std::string() : list->front().get<std::string>();
}

bool has_architecture(const Family& family, const std::string& architecture) {
  for (const char* name : family.architectures) {
    if (architecture == name) return true;
  }
  return false;
}

Json rope_scaling_json(const RopeConfig& rope, const std::string& where) {
  if (!rope.frequency_factors.empty()) {
    throw Error(ErrorKind::kBadModel, where + ":rope_freqs.weight",
                "these rotary frequency factors have no form in config.json");
  }
  switch (rope.scaling) {
    case RopeScaling::kNone:
      return nullptr;
    case RopeScaling::kLinear:
      return {{"rope_type", "linear"}, {"factor", rope.factor}};
    case RopeScaling::kLlama3:
      return {{"rope_type", "llama3"},
              {"factor", rope.factor},
              {"low_freq_factor", rope.low_freq_factor},
              {"high_freq_factor", rope.high_freq_factor},
              {"original_max_position_embeddings", rope.original_max_position}};
    case RopeScaling::kYarn:
      break;
  }
  Json yarn = {{"rope_type", "yarn"},
               {"factor", rope.factor},
               {"original_max_position_embeddings", rope.original_max_position},
               {"beta_fast", rope.beta_fast},
               {"beta_slow", rope.beta_slow}};
  if (rope.attention_factor != 0) yarn["attention_factor"] = rope.attention_factor;
  if (rope.mscale != 0) yarn["mscale"] = rope.mscale;
  if (rope.mscale_all_dim != 0) yarn["mscale_all_dim"] = rope.mscale_all_dim;
  if (!rope.truncate) yarn["truncate"] = false;
  return yarn;
}

const char* dtype_name(DType dtype) {
  return dtype == DType::kF16 ? "float16" : dtype == DType::kBF16 ? "bfloat16" : "float32";
}

void add_windows(const ModelConfig& c, Json& json) {
  if (c.family == "mistral") {
    json["sliding_window"] = c.sliding_window > 0 ? Json(c.sliding_window) : Json(nullptr);
  } else if (c.sliding_window > 0) {
    json["use_sliding_window"] = true;
    json["sliding_window"] = c.sliding_window;
    Json types = Json::array();
    for (int64_t i = 0; i < c.num_layers; ++i) {
      types.push_back(c.window(i) > 0 ? "sliding_attention" : "full_attention");
    }
    json["layer_types"] = std::move(types);
  }
}

// The shortest decimal that reads back as the same float: 1e-05 rather than its 17-digit double.
double shortest(float v) {
  return std::stod(fmt::format("{}", v));
}

}  // namespace

std::span<const Family> families() {
  static const std::array kTable = {llama_family(), mistral_family(), qwen2_family()};
  return kTable;
}

const Family& find_family(const Json& config, const std::string& where) {
  if (!config.is_object()) throw Error(ErrorKind::kBadModel, where, "expected a JSON object");
  const std::string type = json_string(config, "model_type", where, "");
  const std::string architecture = first_architecture(config, where);
  if (type.empty() && architecture.empty()) {
    throw Error(ErrorKind::kBadModel, where + ":model_type", "expected a model family, found nothing",
                "supported are " + supported(false));
  }
  for (const Family& family : families()) {
    if (!type.empty() ? type != family.name : !has_architecture(family, architecture)) continue;
    if (!architecture.empty() && !has_architecture(family, architecture)) {
      throw Error(ErrorKind::kBadModel, where + ":architectures",
                  fmt::format("\"{}\" is not supported, expected \"{}\"", architecture.substr(0, 80),
                              family.architectures.front()));
    }
    return family;
  }
  if (!type.empty()) unknown(where + ":model_type", type, false);
  unknown(where + ":architectures", architecture, false);
}

const Family& find_family(const GgufFile& file) {
  const std::string architecture = file.metadata().get_string("general.architecture");
  for (const Family& family : families()) {
    if (family.gguf_architecture != nullptr && architecture == family.gguf_architecture) return family;
  }
  unknown(file.file().path().string() + ":general.architecture", architecture, true);
}

Json to_config_json(const ModelConfig& c) {
  const Family* family = nullptr;
  for (const Family& f : families()) {
    if (c.family == f.name) family = &f;
  }
  if (family == nullptr) throw Error(ErrorKind::kFailure, "config.json", "no family is called " + c.family);
  Json json;
  json["architectures"] = {family->architectures.front()};
  json["model_type"] = c.family;
  json["hidden_act"] = "silu";
  json["hidden_size"] = c.hidden_size;
  json["intermediate_size"] = c.intermediate_size;
  json["num_hidden_layers"] = c.num_layers;
  json["num_attention_heads"] = c.num_heads;
  json["num_key_value_heads"] = c.num_kv_heads;
  json["head_dim"] = c.head_dim;
  json["vocab_size"] = c.vocab_size;
  json["max_position_embeddings"] = c.max_position;
  json["rms_norm_eps"] = shortest(c.rms_norm_eps);
  json["rope_theta"] = c.rope.theta;
  json["rope_scaling"] = rope_scaling_json(c.rope, "config.json");
  if (c.family == "llama") {
    json["attention_bias"] = c.qkv_bias;
    json["mlp_bias"] = c.mlp_bias;
  }
  add_windows(c, json);
  json["tie_word_embeddings"] = c.tied_embeddings;
  json["bos_token_id"] = c.bos_id < 0 ? Json(nullptr) : Json(c.bos_id);
  json["eos_token_id"] = c.eos_ids.empty()       ? Json(nullptr)
                         : c.eos_ids.size() == 1 ? Json(c.eos_ids.front())
                                                 : Json(c.eos_ids);
  json["torch_dtype"] = dtype_name(c.dtype);
  return json;
}

}  // namespace fptq
