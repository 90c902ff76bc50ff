// Tiny models for the tests of this folder.
#pragma once

#include <cstring>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "base/json.h"
#include "io/safetensors_writer.h"
#include "model/config.h"
#include "model/family.h"
#include "model/layout.h"
#include "model/shapes.h"
#include "tensor/linear_weights.h"

namespace fptq {

// Two layers; 172 inputs of down_proj are no multiple of 8, let alone of a group.
inline Json tiny_config_json() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"hidden_act", "silu"},
          {"hidden_size", 32},
          {"intermediate_size", 172},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"max_position_embeddings", 64},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 10000.0},
          {"tie_word_embeddings", true},
          {"bos_token_id", 1},
          {"eos_token_id", 2},
          {"vocab_size", 40},
          {"torch_dtype", "float32"}};
}

inline Tensor random_tensor(Shape shape, std::mt19937& random, DType dtype = DType::kF32) {
  std::vector<float> values(static_cast<size_t>(element_count(shape, "test")));
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (float& v : values) v = uniform(random);
  std::byte* data = nullptr;
  Tensor t = Tensor::allocate(dtype, std::move(shape), &data);
  encode_row(dtype, values.data(), data, static_cast<int64_t>(values.size()));
  return t;
}

using Tensors = std::map<std::string, Tensor>;

// The dense tensors that a configuration calls for.
inline Tensors random_tensors(const Json& json, DType dtype = DType::kF32) {
  const ModelConfig config = find_family(json, "test").from_json(json, "test");
  std::mt19937 random(7);
  Tensors out;
  const auto add = [&](const std::string& name, Shape shape) {
    out[name] = random_tensor(std::move(shape), random, dtype);
  };
  add("model.embed_tokens.weight", {config.vocab_size, config.hidden_size});
  add("model.norm.weight", {config.hidden_size});
  if (!config.tied_embeddings) add("lm_head.weight", {config.vocab_size, config.hidden_size});
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    for (const LinearId id : kAllLinears) {
      const MatrixShape shape = linear_shape(config, id);
      add(module_name(layer, id) + ".weight", {shape.rows, shape.cols});
      const bool bias = id <= LinearId::kV   ? config.qkv_bias
                        : id == LinearId::kO ? config.o_bias
                                             : config.mlp_bias;
      if (bias) add(module_name(layer, id) + ".bias", {shape.rows});
    }
    for (const NormId id : {NormId::kAttention, NormId::kMlp})
      add(norm_module_name(layer, id) + ".weight", {config.hidden_size});
  }
  return out;
}

inline void write_tensors(const std::filesystem::path& file, const Tensors& tensors) {
  std::vector<TensorInfo> infos;
  for (const auto& [name, t] : tensors) infos.push_back({name, t.dtype(), t.shape()});
  SafetensorsWriter writer(file, infos);
  for (const auto& [name, t] : tensors) writer.write(name, t.bytes());
  writer.commit();
}

inline std::filesystem::path write_model(const std::filesystem::path& folder, const Json& config,
                                         const Tensors& tensors) {
  std::filesystem::create_directories(folder);
  write_file_atomically(folder / "config.json", config.dump(1));
  write_tensors(folder / "model.safetensors", tensors);
  return folder;
}

struct QuantizedForm {
  int bits = 4;
  int64_t group_size = 16;  // falls back to one group per row
  bool symmetric = true;
  ActivationSpec activation;
};

// Random codes: what a file keeps does not depend on where they came from.
inline LinearWeights random_linear(MatrixShape shape, const QuantizedForm& form, DType dtype,
                                   std::mt19937& random) {
  LinearWeights w;
  w.rows = shape.rows;
  w.cols = shape.cols;
  w.spec = {form.bits, shape.cols % std::max<int64_t>(form.group_size, 1) == 0 ? form.group_size : 0,
            form.symmetric};
  w.activation = form.activation;
  std::byte* codes = nullptr;
  if (form.bits == 4) {
    w.codes = Tensor::allocate(DType::kU8, {w.rows, packed_row_bytes(w.cols)}, &codes);
    std::memset(codes, 0, w.codes.bytes().size());
    for (int64_t r = 0; r < w.rows; ++r) {
      for (int64_t c = 0; c < w.cols; ++c) {
        codes[r * packed_row_bytes(w.cols) + c / 2] |=
            static_cast<std::byte>((random() & 15u) << (4 * (c % 2)));
      }
    }
  } else {
    w.codes = Tensor::allocate(DType::kI8, {w.rows, w.cols}, &codes);
    for (int64_t i = 0; i < w.rows * w.cols; ++i) codes[i] = static_cast<std::byte>(random());
  }
  std::vector<float> scales(static_cast<size_t>(w.rows * w.groups()));
  std::uniform_real_distribution<float> uniform(0.01f, 0.2f);
  for (float& s : scales) s = uniform(random);
  std::byte* data = nullptr;
  w.scales = Tensor::allocate(dtype, {w.rows, w.groups()}, &data);
  encode_row(dtype, scales.data(), data, std::ssize(scales));
  if (!form.symmetric) {
    w.zero_points = Tensor::allocate(DType::kI8, {w.rows, w.groups()}, &data);
    const int half = form.bits == 4 ? 8 : 128;
    for (size_t i = 0; i < scales.size(); ++i)
      data[i] =
          static_cast<std::byte>(static_cast<int>(random() % (2u * static_cast<unsigned>(half))) - half);
  }
  return w;
}

inline std::vector<float> dequantized(const LinearWeights& w) {
  std::vector<float> out(static_cast<size_t>(w.rows * w.cols));
  for (int64_t r = 0; r < w.rows; ++r) w.decode_row(r, out.data() + r * w.cols);
  return out;
}

inline bool same_tensor(const Tensor& a, const Tensor& b) {
  if (!a || !b) return !a && !b;
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.bytes().data(), b.bytes().data(), b.bytes().size()) == 0;
}

// Reads, changes and rewrites a JSON file.
template <typename Change>
void edit_json(const std::filesystem::path& file, Change change) {
  Json json = parse_json(read_text_file(file), file.string());
  change(json);
  write_file_atomically(file, json.dump(1));
}

}  // namespace fptq
