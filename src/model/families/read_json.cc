#include "model/families/read_json.h"

#include <fmt/format.h>

#include <cmath>

#include "base/checked.h"

namespace fptq {
namespace {

[[noreturn]] void bad(const std::string& where, const char* key, const std::string& what) {
  throw Error(ErrorKind::kBadModel, where + ":" + key, what);
}

int32_t token_id(const Json& value, const std::string& where, const char* key) {
  if (!value.is_number_integer() || value < 0 || value > INT32_MAX) {
    bad(where, key,
        fmt::format("expected a token id or a list of them, found {}", value.dump().substr(0, 40)));
  }
  return value.get<int32_t>();
}

std::vector<int32_t> read_eos(const Json& config, const std::string& where, int32_t fallback) {
  if (!config.contains("eos_token_id")) {
    return fallback < 0 ? std::vector<int32_t>{} : std::vector<int32_t>{fallback};
  }
  const Json& value = config.at("eos_token_id");
  if (value.is_null()) return {};
  if (!value.is_array()) return {token_id(value, where, "eos_token_id")};
  std::vector<int32_t> ids;
  for (const Json& id : value) ids.push_back(token_id(id, where, "eos_token_id"));
  return ids;
}

int32_t read_bos(const Json& config, const std::string& where, int32_t fallback) {
  if (!config.contains("bos_token_id")) return fallback;
  const Json& value = config.at("bos_token_id");
  return value.is_null() ? -1 : token_id(value, where, "bos_token_id");
}

DType read_dtype(const Json& config, const std::string& where) {
  // transformers 5 writes `dtype`, earlier releases `torch_dtype`.
  const char* key = json_find(config, "dtype") != nullptr ? "dtype" : "torch_dtype";
  const std::string name = json_string(config, key, where, "float32");
  if (name == "float32" || name == "torch.float32") return DType::kF32;
  if (name == "float16" || name == "torch.float16") return DType::kF16;
  if (name == "bfloat16" || name == "torch.bfloat16") return DType::kBF16;
  bad(where, key, fmt::format("expected float32, float16 or bfloat16, found \"{}\"", name));
}

int64_t read_head_dim(const Json& config, const std::string& where, const ModelConfig& c) {
  if (json_find(config, "head_dim") != nullptr) return json_int(config, "head_dim", where);
  if (c.hidden_size <= 0) return 0;  // validate() says what is wrong
  if (c.num_heads <= 0 || c.hidden_size % c.num_heads != 0) {
    bad(where, "num_attention_heads",
        fmt::format("{} heads do not divide hidden_size {}", c.num_heads, c.hidden_size));
  }
  return c.hidden_size / c.num_heads;
}

void read_yarn(const Json& scaling, const std::string& where, int64_t max_position, RopeConfig& rope) {
  rope.scaling = RopeScaling::kYarn;
  rope.beta_fast = json_number(scaling, "beta_fast", where, rope.beta_fast);
  rope.beta_slow = json_number(scaling, "beta_slow", where, rope.beta_slow);
  rope.attention_factor = json_number(scaling, "attention_factor", where, 0.0);
  rope.mscale = json_number(scaling, "mscale", where, 0.0);
  rope.mscale_all_dim = json_number(scaling, "mscale_all_dim", where, 0.0);
  rope.truncate = json_bool(scaling, "truncate", where, true);
  if (json_find(scaling, "factor") != nullptr || rope.original_max_position <= 0) {
    rope.factor = json_number(scaling, "factor", where);
  } else {
    rope.factor = static_cast<double>(max_position) / static_cast<double>(rope.original_max_position);
  }
}

}  // namespace

RopeConfig read_rope_json(const Json& config, const std::string& where, int64_t max_position) {
  RopeConfig rope;
  const char* key = "rope_scaling";
  const Json* scaling = json_find(config, key);
  if (scaling == nullptr || scaling->empty()) {
    key = "rope_parameters";
    scaling = json_find(config, key);
  }
  const double partial = json_number(config, "partial_rotary_factor", where, 1.0);
  if (partial != 1.0)
    bad(where, "partial_rotary_factor", fmt::format("only 1 is supported, found {}", partial));
  rope.theta = json_number(config, "rope_theta", where, rope.theta);
  if (scaling == nullptr) return rope;
  if (!scaling->is_object())
    bad(where, key, "expected an object or null, found " + scaling->dump().substr(0, 40));

  const std::string inside = where + ":" + key;
  rope.theta = json_number(*scaling, "rope_theta", inside, rope.theta);
  if (json_number(*scaling, "partial_rotary_factor", inside, 1.0) != 1.0) {
    bad(inside, "partial_rotary_factor", "only 1 is supported");
  }
  const char* type_key = json_find(*scaling, "rope_type") != nullptr ? "rope_type" : "type";
  const std::string type = json_string(*scaling, type_key, inside, "default");
  if (type == "default") {
    for (const auto& [name, value] : scaling->items()) {
      if (value.is_object()) bad(inside, name.c_str(), "rotary parameters per layer type are not supported");
    }
    return rope;
  }
  if (type == "linear") {
    rope.scaling = RopeScaling::kLinear;
    rope.factor = json_number(*scaling, "factor", inside);
    return rope;
  }
  rope.original_max_position = json_int(*scaling, "original_max_position_embeddings", inside, max_position);
  // Where it stands next to the rotary parameters, it wins there (transformers: standardize_rope_params).
  rope.original_max_position =
      json_int(config, "original_max_position_embeddings", where, rope.original_max_position);
  if (type == "llama3") {
    rope.scaling = RopeScaling::kLlama3;
    rope.factor = json_number(*scaling, "factor", inside);
    rope.low_freq_factor = json_number(*scaling, "low_freq_factor", inside);
    rope.high_freq_factor = json_number(*scaling, "high_freq_factor", inside);
  } else if (type == "yarn") {
    read_yarn(*scaling, inside, max_position, rope);
  } else {
    bad(inside, type_key, fmt::format("\"{}\" is not supported; default, linear, llama3 and yarn are", type));
  }
  return rope;
}

int64_t read_sliding_window(const Json& config, const std::string& where, int64_t fallback) {
  if (!config.contains("sliding_window")) return fallback;
  return json_int(config, "sliding_window", where, 0);
}

ModelConfig read_decoder_json(const Json& config, const std::string& where, const char* family,
                              const JsonDefaults& defaults) {
  const std::string act = json_string(config, "hidden_act", where, "silu");
  if (act != "silu" && act != "swish") {
    bad(where, "hidden_act", fmt::format("\"{}\" is not supported, expected \"silu\"", act));
  }
  ModelConfig c;
  c.family = family;
  c.hidden_size = json_int(config, "hidden_size", where);
  c.intermediate_size = json_int(config, "intermediate_size", where);
  c.num_layers = json_int(config, "num_hidden_layers", where);
  c.num_heads = json_int(config, "num_attention_heads", where);
  const bool has_kv = config.contains("num_key_value_heads");
  const int64_t kv_default = !has_kv && defaults.num_kv_heads > 0 ? defaults.num_kv_heads : c.num_heads;
  c.num_kv_heads = json_int(config, "num_key_value_heads", where, kv_default);
  c.head_dim = read_head_dim(config, where, c);
  c.vocab_size = json_int(config, "vocab_size", where);
  c.max_position = json_int(config, "max_position_embeddings", where, defaults.max_position);
  c.rms_norm_eps = static_cast<float>(json_number(config, "rms_norm_eps", where, 1e-6));
  c.rope = read_rope_json(config, where, c.max_position);
  c.tied_embeddings = json_bool(config, "tie_word_embeddings", where, false);
  c.eos_ids = read_eos(config, where, defaults.eos_id);
  c.bos_id = read_bos(config, where, defaults.bos_id);
  c.dtype = read_dtype(config, where);
  return c;
}

}  // namespace fptq
