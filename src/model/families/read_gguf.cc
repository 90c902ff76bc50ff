#include "model/families/read_gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/checked.h"

namespace fptq {
namespace {

class Reader {
 public:
  explicit Reader(const GgufFile& file)
      : file_(file),
        where_(file.file().path().string()),
        prefix_(file.metadata().get_string("general.architecture") + ".") {}

  int64_t integer(const char* key) const { return file_.metadata().get_int(prefix_ + key); }
  int64_t integer(const char* key, int64_t fallback) const {
    return file_.metadata().get_int(prefix_ + key, fallback);
  }
  double number(const char* key) const { return file_.metadata().get_number(prefix_ + key); }
  double number(const char* key, double fallback) const {
    return file_.metadata().get_number(prefix_ + key, fallback);
  }
  std::string text(const char* key, const char* fallback) const {
    return file_.metadata().get_string(prefix_ + key, fallback);
  }
  bool has(const char* key) const { return file_.metadata().contains(prefix_ + key); }
  [[noreturn]] void bad(const char* key, const std::string& what) const {
    throw Error(ErrorKind::kBadModel, where_ + ":" + prefix_ + key, what);
  }

  const GgufFile& file() const { return file_; }
  const std::string& where() const { return where_; }

 private:
  const GgufFile& file_;
  std::string where_;
  std::string prefix_;
};

int64_t read_head_dim(const Reader& r, const ModelConfig& c) {
  int64_t head_dim = r.integer("attention.key_length", 0);
  if (head_dim == 0) {
    if (c.num_heads <= 0 || c.hidden_size % c.num_heads != 0) {
      r.bad("attention.head_count",
            fmt::format("{} heads do not divide embedding_length {}", c.num_heads, c.hidden_size));
    }
    head_dim = c.hidden_size / c.num_heads;
  }
  for (const char* key : {"attention.value_length", "rope.dimension_count"}) {
    if (const int64_t n = r.integer(key, head_dim); n != head_dim) {
      r.bad(key, fmt::format("expected the head dimension {}, found {}", head_dim, n));
    }
  }
  return head_dim;
}

RopeConfig read_rope(const Reader& r, const ModelConfig& c) {
  RopeConfig rope;
  rope.theta = r.number("rope.freq_base", rope.theta);
  const double legacy = r.number("rope.scale_linear", 1.0);
  const std::string type = r.text("rope.scaling.type", legacy != 1.0 ? "linear" : "none");
  if (type == "linear") {
    rope.scaling = RopeScaling::kLinear;
    rope.factor = r.number("rope.scaling.factor", legacy);
  } else if (type == "yarn") {
    rope.scaling = RopeScaling::kYarn;
    rope.factor = r.number("rope.scaling.factor");
    rope.original_max_position = r.integer("rope.scaling.original_context_length", c.max_position);
    rope.beta_fast = r.number("rope.scaling.yarn_beta_fast", rope.beta_fast);
    rope.beta_slow = r.number("rope.scaling.yarn_beta_slow", rope.beta_slow);
    // GGUF multiplies the derived attention factor; Hugging Face's replaces it.
    const double extra = r.number("rope.scaling.attn_factor", 1.0);
    if (extra != 1.0) rope.attention_factor = extra * (0.1 * std::log(std::max(rope.factor, 1.0)) + 1.0);
  } else if (type != "none") {
    r.bad("rope.scaling.type",
          fmt::format("\"{}\" is not supported; none, linear and yarn are", type.substr(0, 40)));
  }
  if (r.file().find("rope_freqs.weight") != nullptr) {
    if (rope.scaling != RopeScaling::kNone)
      r.bad("rope.scaling.type", "together with rope_freqs.weight is not supported");
    const Tensor factors = r.file().tensor("rope_freqs.weight");
    if (factors.dtype() != DType::kF32 || factors.shape() != Shape{c.head_dim / 2}) {
      throw Error(ErrorKind::kBadModel, r.where() + ":rope_freqs.weight",
                  fmt::format("expected F32 [{}], found {} {}", c.head_dim / 2,
                              dtype_info(factors.dtype()).name, to_string(factors.shape())));
    }
    const AlignedBuffer<float> values = factors.to_floats();
    set_frequency_factors(rope, {values.begin(), values.end()}, c.head_dim);
  }
  return rope;
}

int32_t token_id(const Reader& r, const char* key) {
  const int64_t id = r.file().metadata().get_int(key, -1);
  return checked_cast<int32_t>(id, r.where() + ":" + key);
}

// Block types have no dense type of their own: what is written from them is F16, the type of the blocks' own
// scales.
DType dense_dtype(const GgufFile& file) {
  const StoredTensor* weight = file.find("blk.0.ffn_down.weight");
  return weight == nullptr || dtype_info(weight->dtype).block_size > 1 ? DType::kF16 : weight->dtype;
}

}  // namespace

void set_frequency_factors(RopeConfig& rope, std::vector<float> factors, int64_t head_dim) {
  if (factors.empty()) return;
  RopeConfig llama3 = rope;
  llama3.scaling = RopeScaling::kLlama3;
  llama3.factor = *std::max_element(factors.begin(), factors.end());
  llama3.low_freq_factor = 1.0;
  llama3.high_freq_factor = 4.0;
  llama3.original_max_position = 8192;
  for (size_t i = 0; i < factors.size(); ++i) {
    const double frequency =
        std::pow(rope.theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    const double turns =
        static_cast<double>(llama3.original_max_position) * frequency / (2 * std::numbers::pi);
    const double smooth = std::clamp(
        (turns - llama3.low_freq_factor) / (llama3.high_freq_factor - llama3.low_freq_factor), 0.0, 1.0);
    const double expected = 1.0 / ((1.0 - smooth) / llama3.factor + smooth);
    // The converter computes in float32.
    if (!(std::abs(factors[i] - expected) <= 1e-5 * expected)) {
      rope.frequency_factors = std::move(factors);
      return;
    }
  }
  if (llama3.factor != 1.0) rope = llama3;
}

ModelConfig read_decoder_gguf(const GgufFile& file, const char* family) {
  const Reader r(file);
  if (r.integer("expert_count", 0) > 0) r.bad("expert_count", "mixtures of experts are not supported");
  ModelConfig c;
  c.family = family;
  c.hidden_size = r.integer("embedding_length");
  c.intermediate_size = r.integer("feed_forward_length");
  c.num_layers = r.integer("block_count");
  c.num_heads = r.integer("attention.head_count");
  c.num_kv_heads = r.integer("attention.head_count_kv", c.num_heads);
  c.head_dim = read_head_dim(r, c);
  const StoredTensor* embedding = file.find("token_embd.weight");
  c.vocab_size = embedding != nullptr && !embedding->shape.empty()
                     ? r.integer("vocab_size", embedding->shape.front())
                     : r.integer("vocab_size");
  c.max_position = r.integer("context_length");
  c.rms_norm_eps = static_cast<float>(r.number("attention.layer_norm_rms_epsilon"));
  c.rope = read_rope(r, c);
  c.sliding_window = r.integer("attention.sliding_window", 0);
  c.qkv_bias = file.find("blk.0.attn_q.bias") != nullptr;
  c.o_bias = file.find("blk.0.attn_output.bias") != nullptr;
  c.mlp_bias = file.find("blk.0.ffn_down.bias") != nullptr;
  c.tied_embeddings = file.find("output.weight") == nullptr;
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
    const int32_t id = token_id(r, key);
    if (id >= 0 && std::find(c.eos_ids.begin(), c.eos_ids.end(), id) == c.eos_ids.end())
      c.eos_ids.push_back(id);
  }
  c.bos_id = token_id(r, "tokenizer.ggml.bos_token_id");
  c.dtype = dense_dtype(file);
  return c;
}

}  // namespace fptq
